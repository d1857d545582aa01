### Errors of floras: loading, checking, evaluating and changing them.

error-taxon-not-held = the flora does not contain this taxon; { $medium ->
    [page] look for it in the list of plants
   *[command] check the spelling of the name
}
error-taxon-without-texts = the flora has no texts for this taxon to compare parts of a photo with; choose other taxa
error-vectors-unfit = vectors of shape { $shape } cannot be compared; pass finite numbers of shape (photos, { NUMBER($width, useGrouping: 0) })
error-flora-of-another-encoder = the flora was built with the encoder { $built_with } ({ $its_fingerprint }), not with { $given } ({ $given_fingerprint }); specify the flora's own encoder with --encoder or, if the flora keeps its photos, move it to this encoder with `dalip index rebuild`
error-encoder-of-flora-unknown = the flora was built with the encoder { $built_with } ({ $fingerprint }), { $published ->
    [1] which is not on this computer; fetch it with `dalip encoder get { $built_with }`
   *[other] whose place is not known on this computer; specify its folder once with --encoder or, if the flora keeps its photos, move it to the built-in encoder with `dalip index rebuild`
}
error-flora-parts-differ = the flora has { $taxa } taxa, but the manifest says { $expected_taxa }; build the flora again
error-index-not-written = the index cannot be written: { $cause }
error-index-of-another-kind = the index type { $found } is not supported; build the flora again
error-index-ids = the taxa of its { $number } vectors are not in ascending order, or are not in the flora; build the flora again
error-arrays-of-other-taxa = it does not contain the arrays of { $taxa ->
        [one] 1 taxon
       *[other] { $taxa } taxa
    }; build the flora again
error-names-differ-from-taxa = its tables of names do not match its taxa; build the flora again
error-arrays-differ-from-catalogue = it does not match the catalogue; build the flora again
error-index-of-other-taxa = the taxa of its { $number } vectors are not those with prototypes in the catalogue; build the flora again
error-prototype-unfit = the { $prototype } prototype of taxon { NUMBER($taxon, useGrouping: 0) } has the wrong width, or the taxon does not exist; build the flora again
error-calibration-unreadable = this is not a valid calibration ({ $cause }); build the flora again
error-calibration-share = the text weight ({ $text_weight }) and the threshold ({ $threshold }) must be between 0 and 1; build the flora again
error-calibration-temperature = the temperature ({ $temperature }) must be a positive number; build the flora again
error-calibration-order = the values of the calibration photos must be finite and ascending; build the flora again
error-calibration-sharpness = the calibration for taxa with unequal evidence is damaged; build the flora again
error-calibration-region = the logit for regions ({ $logit }) must be a finite number; build the flora again
error-nothing-asked-for = the list of taxa to restrict answers to is empty; specify at least one name
error-name-not-held = the flora { $flora } contains neither this taxon nor any taxon within it; { $alternatives ->
    [0] check the spelling
   *[other] did you mean { $alike }?
}
error-names-not-held = the flora { $flora } contains neither this taxon nor any taxon within it, and the same is true of the { $others ->
    [one] other requested name
   *[other] { $others } other requested names
}; { $alternatives ->
    [0] check the spelling
   *[other] did you mean { $alike }?
}

## What `dalip index verify` finds.

error-problems-of-flora = { $first } (and { $others } more { $others ->
    [one] problem
   *[other] problems
})
error-manifest-of-another-version = the manifest belongs to version { $version }; build the flora again
error-manifest-lacks-file = the manifest does not list { $name }; build the flora again
error-flora-file-changed = the file was changed after it was written; build the flora again
error-rows-of-no-taxon = { $rows } rows do not belong to any taxon, some of them in the table { $table }; build the flora again
error-rows-not-counted = there are { $found } rows in { $rows }, but the manifest says { $expected }; build the flora again
error-prototypes-differ-from-evidence = the prototypes were made from a different number of texts or photos than the manifest says; build the flora again
error-prototypes-differ-from-photos = the prototypes do not match the photos; build the flora again
error-prototypes-differ-from-texts = the prototypes do not match the texts; build the flora again
error-index-of-another-size = the index contains vectors of width { $width }, but the manifest says { $expected_width }; build the flora again
error-vectors-of-zeros = the file contains vectors of zeros; build the flora again
error-pack-differs-from-catalogue = the photos in the pack are not those listed in the catalogue; build the flora again
error-vectors-of-pack = the file is missing or has the wrong size; build the flora again
error-packed-photo-unreadable = the photo { $photo } in this pack cannot be read; build the flora again
error-packed-photo-of-another-vector = the stored embedding of the photo { $photo } in this pack differs from a new one; build the flora again

## Evaluation.

error-no-photo-of-flora = none of the { $photos } photos is readable and of a taxon in this flora; use other photos
error-matplotlib-missing = plots need matplotlib, which is not installed; run pip install 'dalip[train]'
error-plot-format = this plot format is not supported; use a .png or .svg file
error-plot-folder-missing = the folder { $folder } does not exist; create it first
error-plot-not-written = the plot cannot be written ({ $cause }); choose another file

## Change and teach.

error-contradiction = the { $rank } { $name } is in { $one } according to { $plant }, but in { $other } according to { $given }; correct one of them
error-known-already = the flora already contains { $plant }; if you taught it this plant, { $medium ->
    [page] use “Forget this plant” first to teach it again
   *[command] remove the plant first to teach it again
}
error-no-photo-readable = none of the photos of { $plant } can be read; { $medium ->
    [page] choose
   *[command] specify
} at least one readable photo
error-not-taught = the flora was not taught a plant with this name: { $plant }
error-photo-kept-under-other-name = this is the same photo as { $other }, which is kept as { $plant }, not { $given }; first remove the kept photo with `dalip index remove --flora { $flora } --photo { $key }`
error-photo-under-two-names = this is the same photo as { $other }, which is labelled { $plant }, not { $given }; both are skipped; correct one of the names
error-kept-photo-damaged = the stored copy cannot be read ({ $cause }); remove it with `dalip index remove --photo { $key }`
error-own-flora-stale = the flora that you taught cannot be used with this version of DALIP; transfer your plants with `dalip index rebuild`, or delete or rename the folder
error-builtin-flora-fixed = the built-in flora cannot be changed; omit --flora to teach your own copy of it
