### Errors of photos. Each text is a clause without capital and full stop, shown alone or after the file that it is about:
### `photo.jpg: the file is empty; ...`.

error-image-missing = no such file; check the path
error-image-not-read = this photo cannot be read ({ $cause })
error-image-not-opened = the file cannot be opened ({ $cause }); check its path and permissions
error-image-folder = this is a folder, not a photo; choose a file in it
error-image-pipe = this is a pipe or a device, not a file; save the photo to a file first
error-image-empty = the file is empty; copy or download it again
error-image-too-large = the photo has { $width } x { $height } pixels, more than the limit of { $million } million; make it smaller
error-image-costly = decoding this { $format } of { $width } x { $height } pixels takes { $needed } MB of memory, more than the limit of { $limit } MB; make it smaller, or save it as an ordinary JPEG
error-image-slow = decoding the photo took longer than { $seconds } seconds; make it smaller, or save it as an ordinary JPEG
error-image-crashed = the photo made its decoder crash; save it as an ordinary JPEG
error-image-busy = the server is busy with other large photos; try again soon, or use a smaller photo
error-image-preview-only = only a preview of { $width } x { $height } pixels can be read from this file, not the photo of { $full_width } x { $full_height }; for a better answer, export the photo as JPEG
error-image-unknown = the file is not an image in a supported format; use { $readable }
error-image-format = this is a photo in a format that cannot be read ({ $format }); export it as one of { $readable }
error-image-unsupported = the installed Pillow cannot read this image format ({ $plugin }); upgrade Pillow
error-image-damaged = the file is damaged or truncated; copy or download it again
error-image-memory = the photo needs more memory than is available; make it smaller
error-image-mode = the colour mode { $mode } is not supported; save the photo as RGB
error-image-no-pixels = an image of { $width } x { $height } has no pixels; use another one
error-folder-without-photos = the folder contains no photos; looked for { $readable }
