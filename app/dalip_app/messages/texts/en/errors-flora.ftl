### What is wrong with floras.

error-taxon-not-held = the flora does not hold it; { $medium ->
    [page] look it up in the list
   *[command] `dalip index info` lists what it holds
}
error-taxon-without-texts = the flora has no texts for it to compare parts of a photo with; choose other taxa
error-vectors-unfit = vectors of shape { $shape } cannot be compared; give finite numbers of shape (photos, { $width })
error-flora-of-another-encoder = the flora was built with the encoder { $built_with } ({ $its_fingerprint }), not with { $given } ({ $given_fingerprint }); name its own with --encoder, or move it to this one with `dalip index rebuild` if it keeps its photos
error-flora-parts-differ = { $taxa } taxa and { $vectors } vectors of width { $width } do not fit together, where the manifest says { $expected_taxa } of width { $expected_width }; build the flora again
error-index-not-written = the index cannot be written ({ $cause }); make room, or name another folder
error-index-of-another-kind = this is an index of another kind ({ $found }); build the flora again
error-index-ids = the index does not number its { $number } vectors from 1 on; build the flora again
error-prototype-unfit = the { $prototype } prototype of taxon { $taxon } does not fit; build the flora again
error-calibration-unreadable = this is not a calibration ({ $cause }); build the flora again
error-calibration-share = a text weight of { $text_weight } and a threshold of { $threshold } are not possible, both lie between 0 and 1; build the flora again
error-calibration-temperature = a temperature of { $temperature } is not possible, it is positive; build the flora again
error-calibration-order = the values of the calibration photos are not finite and ascending; build the flora again
error-nothing-asked-for = there is no name of a taxon to restrict answers to; name one
error-name-not-held = the flora { $flora } holds no such taxon, and none inside it; { $alternatives ->
    [0] check the spelling
   *[other] perhaps you mean { $alike }
}
error-names-not-held = the flora { $flora } holds no such taxon, and none inside it, nor { $others ->
    [one] the other name
   *[other] any of the { $others } other names
} asked for; { $alternatives ->
    [0] check the spelling
   *[other] perhaps you mean { $alike }
}

## What `dalip index verify` finds.

error-problems-of-flora = { $first } (and { $others } more)
error-manifest-of-another-version = the manifest says that it is of version { $version }; build the flora again
error-manifest-lacks-file = the manifest does not name { $name }; build the flora again
error-flora-file-changed = the file was changed after it was written; build the flora again
error-rows-of-no-taxon = { $rows } rows belong to no taxon, some in the table { $table }; build the flora again
error-rows-not-counted = { $found } rows in { $rows } where the manifest says { $expected }; build the flora again
error-prototypes-differ-from-evidence = prototypes and evidence differ in number; build the flora again
error-prototypes-differ-from-photos = the prototypes do not follow from the photos; build the flora again
error-prototypes-differ-from-texts = the prototypes do not follow from the texts; build the flora again
error-index-of-another-size = the index holds { $vectors } vectors of width { $width } where the manifest says { $expected } of { $expected_width }; build the flora again
error-index-differs-from-prototypes = the index does not follow from the prototypes; build the flora again
error-vectors-not-finite = the file holds vectors that are not finite; build the flora again
error-pack-differs-from-catalogue = the pack holds other photos than the catalogue says; build the flora again
error-vectors-of-pack = the file is missing or of the wrong size; build the flora again
error-packed-photo-unreadable = its photo { $photo } cannot be read; build the flora again
error-packed-photo-of-another-vector = its photo { $photo } has another vector than before; build the flora again

## Evaluation.

error-no-photo-of-flora = none of the { $photos } photos is readable and of a taxon of this flora; name other photos
error-matplotlib-missing = a plot needs matplotlib, which is missing; pip install 'dalip[train]'
error-plot-format = a plot cannot have this format; name a .png or .svg file
error-plot-folder-missing = there is no folder { $folder }; make it first
error-plot-not-written = the plot cannot be written ({ $cause }); name another file

## Change and teach.

error-contradiction = the { $rank } { $name } is in { $one } by { $plant } and in { $other } by { $given }; correct one of them
error-known-already = the flora holds { $plant } already; if it was taught, { $medium ->
    [page] let it forget the name first
   *[command] remove it first to teach it again
}
error-no-photo-readable = none of the photos of { $plant } can be read; { $medium ->
    [page] choose
   *[command] name
} at least one that can
error-not-taught = the flora was not taught a plant of this name: { $plant }
error-photo-kept-under-other-name = this is the same photo as { $other }, which shows { $plant }, not { $given }; take the kept one out first, with `dalip index remove --flora { $flora } --photo { $key }`
error-photo-under-two-names = this is the same photo as { $other }, which shows { $plant }, not { $given }; correct one of the names; both are left out
error-kept-photo-damaged = the copy cannot be read ({ $cause }); take it out with `dalip index remove --photo { $key }`
error-own-flora-stale = the flora that you taught cannot be used with this DALIP; `dalip index rebuild` moves what you taught it; or else delete or rename that folder
error-builtin-flora-fixed = the built-in flora stays as it is; leave --flora out, and your copy learns
