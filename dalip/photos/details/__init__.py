"""When and where a photo was taken: EXIF, XMP, sidecar files and file names."""
