### What is wrong with photos. Each text is a clause without capital and full stop, which is said alone or after what it is
### about: `photo.jpg: the file is empty; ...`.

error-image-missing = there is no such file; check the path
error-image-not-read = this photo cannot be read ({ $cause })
error-image-not-opened = the file cannot be opened ({ $cause }); check its path and permissions
error-image-folder = this is a folder, not a photo; name a file in it
error-image-pipe = this is a pipe or device, not a file; save the photo to a file first
error-image-empty = the file is empty; copy or download it again
error-image-too-large = the photo has { $width } x { $height } pixels, over { $million } million; make it smaller
error-image-unknown = the file is not an image that can be read; use { $readable }
error-image-unsupported = this Pillow cannot read images of this kind ({ $plugin }); upgrade pillow
error-image-damaged = the file is damaged or cut short; copy or download it again
error-image-memory = the photo needs more memory than there is; make it smaller
error-image-mode = the photo has colours of the kind { $mode }; save it as RGB
error-image-no-pixels = an image of { $width } x { $height } has no pixels; use another one
error-folder-without-photos = the folder holds no photo; looked for { $endings }
