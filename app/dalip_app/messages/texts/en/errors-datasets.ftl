### What is wrong with records, shards, tables and names of taxa. Each text is a clause without capital and full stop, which
### is said alone or after what it is about: `photos.csv, line 3: no photo is named; ...`.

## Sources of photos

error-source-missing = there is no such file or folder; check the path
error-source-unknown = this is neither a folder nor a .csv, .tsv, .zip or .tar file; name one of these
error-source-without-photos = the source holds no photo; looked for { $endings }
error-source-unusable = nothing of the source can be used; the first that was left out: { $cause }
error-photos-folder-missing = there is no such folder of photos; check the path
error-key-repeated = its key '{ $key }' is also that of { $other }; rename one
error-key-unusable = the name { $key } is too long for the key of a photo; give the file a shorter one
error-field-too-long = the field { $term } has { $length } characters, over { $most }; shorten it
error-photo-without-folder = the photo is in no folder of a plant; move it into one with the plant's name
error-files-not-photos = { $number ->
    [one] 1 file is no photo
   *[other] { $number } files are no photos
} ({ $kinds })
error-photos-unlicensed = { $number } of { $photos } photos have no license; a column of this name can say it

## Photos and where they are

error-photo-not-read = the photo cannot be read ({ $cause }); check the file and its permissions
error-photo-not-unpacked = the photo cannot be unpacked ({ $cause }); get the archive again
error-photo-on-web = the photo is on the web; fetch it with `dalip data pack --download`
error-photo-file-too-large = the file has over { $million } MB, more than any photo; make it smaller
error-photo-not-in-folder = '{ $name }' is not a file in { $folder }; correct the name
error-photo-not-in-archive = '{ $name }' is not in { $archive }; correct the name
error-photo-not-found = '{ $name }' cannot be found ({ $cause }); correct the name
error-path-out-of-folder = '{ $name }' leads out of the folder, and is not followed; write a path below the folder
error-link-out-of-folder = '{ $name }' is a link that leads out of { $folder }; copy the file there
error-link-to-nothing = this is a link to a file that is not there; restore the file, or remove the link
error-link-to-folder = this is a link to a folder, which is not followed; copy the folder
error-address-malformed = '{ $address }' is no address that a photo can be fetched from; correct it

## Archives

error-archive-damaged = this is not a readable .zip archive ({ $cause }); get it again
error-member-leads-out = the name leads out of the archive, and is not followed; pack the archive again
error-member-link = this is a link, and is not followed; pack the file itself
error-member-encrypted = this is encrypted; pack it without a password
error-member-compression = this is compressed in a way that cannot be read; pack it as a plain .zip
error-member-repeated = this name is in the archive twice; the first is used
error-member-bomb = '{ $name }' would unpack to { $megabytes } MB from { $kilobytes } KB, which no table does; get the archive again

## Shards

error-record-photos = the record has { $number ->
    [0] no photo
   *[other] { $number } photos
}; one is needed
error-record-text = the text beside the photo cannot be read ({ $cause }); correct it
error-record-json-deep = the .json beside the photo is nested too deeply; simplify it
error-record-json-kind = the .json beside the photo is not a JSON object; correct it
error-shard-damaged = this is not a whole, readable shard ({ $cause }); get it again
error-shard-too-large = the shard is too large: photos after the first { $photos } are not read; split it
error-shard-without-texts = { $photos } photos have neither a scientificName nor a caption
error-stream-no-photo = the last shards hold no photo with a text, of the split train

## Tables

error-table-column-missing = the column { $missing } is missing (columns found: { $found }); add it
error-table-without-photos = the column file is missing (columns found: { $found }); it names each photo
error-table-not-read = the file cannot be read ({ $cause }); check it and its permissions
error-table-damaged = the table is damaged from here on ({ $cause }); get the file again
error-row-malformed = the row is malformed ({ $cause }); correct it
error-row-unclosed = the row has a quotation mark that nothing closes; correct it
error-row-too-wide = the row has { $cells } columns, but the header { $columns }; put text with a separator in quotation marks
error-row-width = the row has { $cells } columns, not { $columns }; correct it
error-row-without-photo = the row names no photo; fill in the column { $column }
error-row-repeated = '{ $name }' is in a line before; keep one of them
error-line-too-long = the line has over { $most } characters; shorten it
error-line-not-utf8 = the line is not UTF-8, and was read as Windows-1252; check its accents, or save the file as UTF-8

## iNaturalist and Darwin Core Archives

error-observation-not-numbered = '{ $number }' is no number of an observation; correct the column id
error-observation-without-photo = the observation { $number } has no image_url, so no photo; leave it out
error-meta-too-large = the file has over 1 MB, more than any description of tables; get the archive again
error-meta-without-core = the file describes no core; get the archive again
error-meta-not-read = the file cannot be read ({ $cause }); get the archive again
error-meta-doctype = the file has a DOCTYPE, which descriptions of tables do not need; remove it
error-meta-separator = columns separated by { $separator } and enclosed in { $quote } cannot be read; use one character for each
error-meta-line-end = lines must end with a line break; export the archive with linesTerminatedBy \n
error-meta-header-lines = ignoreHeaderLines is { $number }, over { $most }; write how many lines of header there are
error-core-unknown = the archive's core is '{ $core }', and only Occurrence and Taxon can be read; export one of them
error-row-id-repeated = its id '{ $id }' is in a line before; correct the archive
error-row-id-missing = the row has no id; correct the archive
error-row-without-core = the row belongs to '{ $id }', which the core lacks; correct the archive
error-row-core-unnamed = the row does not say which row of the core it belongs to; correct the archive
error-media-not-photos = { $number ->
    [one] 1 medium is no photo
   *[other] { $number } media are no photos
} ({ $kinds })
error-media-unnamed = the row names no photo; fill in identifier or accessURI

## Names and lists of taxa

error-no-name = a taxon needs a scientific name; { $medium ->
    [page] write it first
   *[command] every row needs one in the column scientificName
}
error-name-malformed = { $name } is no scientificName: it has { $length } characters, or some that cannot be printed; write it with { $most } at most
error-name-too-long = the name { $name }… has { $length } characters, more than any name; write it with { $most } at most
error-name-unprintable = the name { $name } holds control characters; type it again
error-rank-unknown = unknown taxonRank { $rank }; use one of { $ranks }
error-taxon-repeated = { $name } is in the list twice; keep one of the rows
error-taxa-file-missing = there is no such file of taxa; check the path
error-taxa-file-not-read = the file of taxa cannot be read ({ $cause }); check it and its permissions
error-taxa-file-empty = the file holds no taxon; add one row for each
error-names-file-empty = the file names no taxon; write one scientific name per line
error-only-without-name = --only names no taxon; give the scientific name of one, or a file of names

## Checklists

error-checklist-not-read = the checklist cannot be read ({ $cause }); check it and its permissions
error-checklist-empty = the checklist holds no taxon that can be used; give another one
error-checklist-rank = unknown taxonRank '{ $rank }'{ $more ->
    [0] {""}
    [one] {""} (and in 1 more line)
   *[other] {""} (and in { $more } more lines)
}; correct it
error-checklist-ranks-unused = { $number ->
    [one] 1 taxon has a rank
   *[other] { $number } taxa have ranks
} that floras do not have ({ $ranks })
error-checklist-names-unused = { $number ->
    [one] 1 row names
   *[other] { $number } rows name
} no one taxon (sp., cf., aff., numbers of samples)
error-checklist-name-missing = the row has no scientificName; fill it in
error-checklist-id-repeated = its taxonID '{ $id }' is also that of line { $line }; correct one
error-checklist-circle = the taxon is above itself by parentNameUsageID; correct it
error-checklist-parent-missing = the parentNameUsageID '{ $parent }' is no taxonID{ $more ->
    [0] {""}
    [one] {""} (and in 1 more line)
   *[other] {""} (and in { $more } more lines)
}; correct it
error-checklist-accepted-missing = the synonym '{ $name }' belongs to '{ $accepted }', which is not in the list; correct acceptedNameUsageID
error-checklist-synonym-circle = the synonym '{ $name }' is a synonym of itself by acceptedNameUsageID; correct it
error-decisions-not-read = the decisions about names cannot be read ({ $cause }); check the file and its permissions
error-decision-unclear = the row names nothing, or decides otherwise than a line before; correct it

## Packing

error-pack-setting-range = { $name } is { $value }; choose { $least } to { $most }
error-pack-setting-least = { $name } is { $value }; choose { $least } or more
error-pack-setting-choice = { $name } is '{ $value }'; use one of { $choices }
error-photo-nameless = the photo has neither a scientific name nor a caption; add one
error-name-left-out = the name '{ $name }' was decided to be left out
error-name-unresolved = the name '{ $name }' is { $how }; say what it is with --names
error-name-unresolved-candidates = the name '{ $name }' is { $how }, and may mean { $candidates }; say what it is with --names
error-photo-duplicate = the photo shows the same as { $other }, which is larger or comes first
error-photo-with-two-names = this is the same photo as { $others }, under the names { $names }; keep the right one
error-photo-too-small = the photo has { $width } x { $height } pixels, too few to show a plant; use a larger one
error-photo-too-narrow = the photo is a strip of { $width } x { $height } pixels; cut out the plant
error-pack-folder-file = this is a file; name a folder for the shards
error-pack-folder-foreign = the folder holds { $name }, which was not packed here; name an empty or a new folder
error-pack-folder-busy = another run is packing there; wait until it ends
error-pack-folder-not-written = the folder cannot be written ({ $cause }); make room, or name another one
error-pack-nothing-left = no photo was left to pack; the first that was left out: { $cause }
error-pack-no-photos = no photo was left to pack; name sources with photos
error-pack-part-gone = the file has gone while it was needed; run the command again
error-pack-worker-ended = a process that read photos was ended, perhaps for lack of memory; run the command again with fewer --workers, and it continues
error-datasheet-not-read = the datasheet cannot be read ({ $cause }); pack the photos again
error-datasheet-format = the datasheet has the format { $format }, which this DALIP does not know; pack the photos again

## Photos on the web

error-photos-on-web = { $number ->
    [one] 1 photo is
   *[other] { $number } photos are
} on the web; fetch them with --download, or name their folder with --photos
error-download-folder = the folder cannot be made ({ $cause }); name another one
error-download-answer = the server answers { $status }; check whether the address is right
error-download-address = the photo cannot be fetched ({ $cause }); correct the address
error-download-failed = the photo cannot be fetched ({ $cause }); run the command again later
error-download-not-kept = the photo cannot be kept ({ $cause }); make room in { $folder }
error-download-wait = the server asks to wait for { $seconds } seconds; run the command again later
error-download-elsewhere = the address leads away from the web; correct it
error-download-empty = the file there is empty; correct the address
