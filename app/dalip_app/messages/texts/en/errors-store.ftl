### What is wrong with the files of a flora, and with what it is to be built of or changed to.

error-flora-missing = there is no such flora; `dalip index build` makes one
error-flora-without-pointer = this is not a flora, it has no readable file { $pointer }; `dalip index build` makes one
error-flora-pointer-astray = the file points to { $name }, which is not there; build the flora again
error-flora-not-written = the flora cannot be written ({ $cause }); free some disk space, or name another folder
error-flora-busy = another process is changing this flora; wait until it is done
error-flora-nothing-to-undo = the flora holds no version before { $version }; only the last change can be undone
error-flora-is-file = this is a file; name a folder for the flora
error-flora-folder-taken = the folder is not empty and not a flora (it holds { $name }); name another folder
error-flora-format = format { $found } is not { $known }; use the DALIP that built this flora, or build it again
error-flora-file-missing = the file is missing; build the flora again
error-flora-file-damaged = the file is damaged ({ $cause }); build the flora again
error-flora-file-size = the file has { $size } bytes where the manifest says { $stamped }; build the flora again
error-shared-file-changed = the file was changed after it was written; delete it and build the flora again
error-pack-damaged = the photos that the flora keeps cannot be read ({ $cause }); build the flora again
error-kept-photo-missing = the photo { $photo } is missing; build the flora again
error-flora-vectors-size = the file holds other vectors than the photos beside it need; build the flora again
