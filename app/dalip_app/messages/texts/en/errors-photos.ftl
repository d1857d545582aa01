### Errors of photos. Each text is a clause without capital and full stop, shown alone or after the file that it is about:
### `photo.jpg: the file is empty; ...`.

error-image-missing = no such file; check the path
error-image-not-read = this photo cannot be read ({ $cause })
error-image-not-opened = the file cannot be opened ({ $cause }); check its path and permissions
error-image-folder = this is a folder, not a photo; choose a file in it
error-image-pipe = this is a pipe or a device, not a file; save the photo to a file first
error-image-empty = the file is empty; copy or download it again
error-image-too-large = the photo has { $width } x { $height } pixels, more than the limit of { $million } million; make it smaller
error-image-unknown = the file is not an image in a supported format; use { $readable }
error-image-format = this is a photo in a format that cannot be read ({ $format }); export it as one of { $readable }
error-image-unsupported = the installed Pillow cannot read this image format ({ $plugin }); upgrade Pillow
error-image-damaged = the file is damaged or truncated; copy or download it again
error-image-memory = the photo needs more memory than is available; make it smaller
error-image-mode = the colour mode { $mode } is not supported; save the photo as RGB
error-image-no-pixels = an image of { $width } x { $height } has no pixels; use another one
error-folder-without-photos = the folder contains no photos; looked for { $readable }
