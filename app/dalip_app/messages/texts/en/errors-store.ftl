### What is wrong with the files of a flora, and with what it is to be built of or changed to.

error-flora-missing = there is no such flora; `dalip index build` makes one
error-flora-without-pointer = this is not a flora, it has no readable file { $pointer }; `dalip index build` makes one
error-flora-pointer-astray = the file points to { $name }, which is not there; build the flora again
error-flora-not-written = the flora cannot be written ({ $cause }); free some disk space, or name another folder
error-flora-busy = another process is changing this flora; wait until it is done
error-flora-nothing-to-undo = the flora holds no version before { $version }; only the last change can be undone
error-flora-is-file = this is a file; name a folder for the flora
error-flora-folder-taken = the folder is not empty and not a flora (it holds { $name }); name another folder
error-flora-format = format { $found } is not { $known }; build the flora again, or upgrade DALIP if a newer one made it
error-flora-file-missing = the file is missing; build the flora again
error-flora-file-damaged = the file is damaged ({ $cause }); build the flora again
error-flora-file-size = the file has { $size } bytes where the manifest says { $stamped }; build the flora again
error-shared-file-changed = the file was changed after it was written; delete it and build the flora again
error-pack-damaged = the photos that the flora keeps cannot be read ({ $cause }); build the flora again
error-kept-photo-missing = the photo { $photo } is missing; build the flora again
error-flora-vectors-size = the file holds other vectors than the photos beside it need; build the flora again

## What a flora is to be built of, or changed to.

error-no-taxa = a flora needs at least one taxon; the list is empty
error-taxon-twice = { $plant } is in the list of taxa twice; keep one of them
error-texts-of-unknown-taxon = there are texts for { $plant }, which is not in the list of taxa; correct one of them
error-taxon-without-evidence = { $plant } has no text and no photo; give it one, or leave it out
error-embedding-not-finite = the encoder gives no finite vector for its { $evidence ->
    [texts] texts
   *[photos] photos
}; check the encoder with `dalip index verify --encoder`
error-photos-not-kept = the flora does not keep its photos, which this change needs; build it again, or teach it plants that it lacks with `dalip index add --taxon`
error-taxon-held-as = the flora holds it as { $held }; write it so
error-kept-photos-of-one-name = the flora keeps { $number } photos of this name; say which, by SHA-256: { $digests }
error-photo-not-kept = the flora keeps no such photo; name it as when it was added{ $kept ->
    [0] { "" }
   *[other] , such as { $example }
}

## What it is taught, and forgets.

error-taxon-built-in = the flora was built with it; `dalip index remove` takes it out all the same
error-taxon-calibrated-with = the flora was built and calibrated with it; build it again without it
error-taxon-not-taught = the flora does not hold it; it was taught { $number ->
    [0] nothing
   *[other] { $taught }
}
