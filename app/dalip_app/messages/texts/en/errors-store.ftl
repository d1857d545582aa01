### Errors of a flora's files, and of what a flora is built from or taught.

error-flora-missing = no such flora; create one with `dalip index build`
error-flora-without-pointer = this is not a flora, because it has no readable file { $pointer }; create one with `dalip index build`
error-flora-pointer-astray = the file points to { $name }, which does not exist; build the flora again
error-flora-not-written = the flora cannot be written: { $cause }
error-flora-busy = { $holder ->
    [0] another process
   *[other] process { NUMBER($holder, useGrouping: 0) }
} is changing this flora; wait until it finishes
error-flora-nothing-to-undo = the flora has no version before { $version }; only the last change can be undone
error-flora-is-file = this is a file; choose a folder for the flora
error-flora-folder-taken = the folder is neither empty nor a flora (it contains { $name }); choose another folder
error-flora-format = the flora has format { NUMBER($found, useGrouping: 0) }, but this version of DALIP needs format { NUMBER($known, useGrouping: 0) }; build the flora again, or upgrade DALIP if a newer version wrote it
error-flora-file-missing = the file is missing; build the flora again
error-flora-file-damaged = the file is damaged ({ $cause }); build the flora again
error-flora-file-size = the file size is { $size } bytes, but the manifest says { $stamped }; build the flora again
error-shared-file-changed = the file was changed after it was written; delete it and build the flora again
error-pack-damaged = the photos that the flora keeps cannot be read ({ $cause }); build the flora again
error-kept-photo-missing = the photo { $photo } is missing; build the flora again
error-flora-vectors-size = the vectors in the file do not match the photos next to it; build the flora again

## What a flora is built from, or changed with.

error-no-taxa = a flora needs at least one taxon; the list is empty
error-taxon-twice = { $plant } is in the list of taxa twice; keep one of them
error-texts-of-unknown-taxon = there are texts for { $plant }, which is not in the list of taxa; correct one of them
error-taxon-without-evidence = { $plant } has neither a text nor a photo; add one, or omit the taxon
error-embedding-not-finite = the encoder returns NaN or infinite values for its { $evidence ->
    [texts] texts
   *[photos] photos
}; check the encoder with `dalip index verify --encoder`
error-photos-not-kept = the flora does not keep its photos, which this change needs; build it again, or teach it new plants with `dalip index add --taxon`
error-taxon-held-as = the flora contains it as { $held }; use this name
error-kept-photos-of-one-name = the flora keeps { $number } photos with this name; choose one by its SHA-256: { $digests }
error-photo-not-kept = the flora keeps no such photo; use the name that it had when it was added{ $kept ->
    [0] { "" }
   *[other] , such as { $example }
}

## Teach and forget a plant.

error-taxon-built-in = the flora was built with this taxon, not taught it; `dalip index remove` removes it anyway
error-taxon-calibrated-with = the flora was built and calibrated with this taxon; build it again without it
error-taxon-not-taught = the flora does not contain this taxon; it was taught { $number ->
    [0] no plants
   *[other] { $taught }
}
