### What is wrong with what the commands, the server and the page were asked.

error-upload-number = choose one to { $most } photos
error-upload-gone = the photo is not there any more; choose it again
