### Errors of the server and the page, and of the commands that start the server or write a Space.

# Photos that were sent to the page
error-upload-number = choose from 1 to { $most } photos
error-upload-gone = the photo is no longer available; choose it again

# The server
error-cannot-listen = the server cannot listen on this address ({ $cause }); use another --port or --host
error-login-malformed = the login is not of the form NAME:PASSWORD; specify both, separated by a colon
error-site-malformed = this is not a valid site address; use the form https://example.org
error-certificate-missing = no such file; specify a certificate and its private key, both in PEM format
error-certificate-key-encrypted = the private key is protected by a password; use a key without one
error-certificate-unusable = the server cannot use this certificate ({ $cause }); specify a certificate and the matching private key, both in PEM format
error-certificate-not-written = the file cannot be written ({ $cause }); use another --data-dir
error-flora-not-reloaded = { $cause }; until this is fixed, the server keeps using the flora that it has already loaded
error-unexpected-error = an unexpected error occurred: { $name } ({ $cause }); { $medium ->
    [page] please report it
   *[command] run the command again with --debug and report the output
}

# Spaces
error-space-folder-taken = the folder contains files and is not a Space that DALIP wrote; choose another folder
error-space-is-file = this is a file; choose a folder for the Space
error-space-not-written = the Space cannot be written ({ $cause }); choose another folder
error-not-installed = DALIP is not installed; install it with `pip install .`
error-nothing-saved = the page works, but nothing can be saved: { $cause }

## The disk. These are causes of other errors.

error-disk-full = the disk of { $folder } is full ({ $free } MB free); free some space, or choose a folder on another disk
error-disk-quota = your disk quota for { $folder } is used up; delete some files, or choose a folder on another disk
error-disk-read-only = the file system of { $folder } is read-only; choose another folder, or make it writable
error-disk-denied = you may not write to { $folder }; change its permissions, or choose another folder
error-file-size-limit = a file in { $folder } would exceed the maximum size for this process or disk; raise the limit (ulimit -f), or choose a folder on another disk
error-write-failed = { $path } cannot be written ({ $cause }); check the disk and the folder
