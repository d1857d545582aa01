### What is wrong with what the server, the page and the commands that start or write them were asked.

# Photos that were sent to the page
error-upload-number = choose one to { $most } photos
error-upload-gone = the photo is not there any more; choose it again

# The server
error-cannot-listen = the server cannot listen there ({ $cause }); choose another --port or --host
error-login-malformed = the login is not of the form NAME:PASSWORD; give both, with a colon between them
error-site-malformed = this is not the address of a site; write it as https://example.org
error-certificate-missing = there is no such file; give a certificate and its key, as PEM files
error-certificate-key-encrypted = the key is protected by a password; give one without a password
error-certificate-unusable = the server cannot use it ({ $cause }); give a certificate and the key that belongs to it, as PEM files
error-certificate-not-written = the file cannot be written ({ $cause }); name another --data-dir
error-flora-not-reloaded = { $cause }; until then the server answers from the flora that it has read before
error-unexpected-error = an unexpected error, { $name } ({ $cause }); { $medium ->
    [page] please report it
   *[command] run it again with --debug and report what it prints
}

# Spaces
error-space-folder-taken = the folder holds files, and none of them is of a Space that DALIP wrote; name another folder
error-space-is-file = this is a file; name a folder for the Space
error-space-not-written = the Space cannot be written ({ $cause }); name another folder
error-not-installed = DALIP is not installed; `pip install .` installs it
