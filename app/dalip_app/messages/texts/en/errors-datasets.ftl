### Errors in photo sources, shards, tables and taxon names. Each text is a clause without capital and full stop, shown alone
### or after the item that it is about: `photos.csv, line 3: the row does not specify a photo; ...`.

## Sources of photos

error-source-missing = no such file or folder; check the path
error-source-unknown = this is neither a folder nor a .csv, .tsv, .zip or .tar file; use one of these
error-source-without-photos = the source contains no photos; looked for { $endings }
error-source-unusable = nothing in this source can be used; the first problem: { $cause }
error-photos-folder-missing = no such photo folder; check the path
error-key-repeated = the key '{ $key }' is also the key of { $other }; rename one of the photos
error-key-unusable = the name { $key } is too long to be used as the key of a photo; give the file a shorter name
error-field-too-long = the field { $term } has { $length } characters, more than the limit of { $most }; shorten it
error-photo-without-folder = the photo is not in a plant folder; move it into a folder with the name of the plant
error-files-not-photos = { $number ->
    [one] 1 file is not a photo
   *[other] { $number } files are not photos
} ({ $kinds })
error-files-not-shards = { $number ->
    [one] 1 file is not a shard and is
   *[other] { $number } files are not shards and are
} not used ({ $kinds })
error-files-hidden = { $number ->
    [one] 1 hidden or system file or folder was left out
   *[other] { $number } hidden or system files and folders were left out
}
error-file-not-photo = this file is not a photo
error-file-hidden = this is a hidden or system file or folder, and was left out
error-photos-unlicensed = photos without a licence: { $number } of { $photos }; state it in a column named `license`

## Photos and where they are

error-photo-not-read = the photo cannot be read ({ $cause }); check the file and its permissions
error-photo-not-unpacked = the photo cannot be extracted ({ $cause }); copy or download the archive again
error-photo-on-web = the photo is on the web; download it with `dalip data pack --download`
error-photo-file-too-large = the file is larger than { $million } MB, the limit for a photo; make it smaller
error-photo-not-in-folder = '{ $name }' is not a file in { $folder }; correct the name
error-photo-not-in-archive = '{ $name }' is not in { $archive }; correct the name
error-photo-not-found = '{ $name }' cannot be found ({ $cause }); correct the name
error-path-out-of-folder = '{ $name }' points outside the folder and is not followed; use a path inside the folder
error-photos-found-by-name = '{ $name }' is not at this path; the only photo with this name, { $found }, is used instead, and so for other rows
error-photos-not-listed = { $number ->
    [one] 1 photo is not used, because no row that is used names it
   *[other] { $number } photos are not used, because no row that is used names them
}
error-link-out-of-folder = '{ $name }' is a link that points outside { $folder }; copy the file into the folder
error-link-to-nothing = this is a broken link: the file that it points to does not exist; restore the file or remove the link
error-link-to-parent = this link leads to a folder that contains the link; remove the link, or choose that folder instead
error-link-to-folder = this is a link to a folder, and such links are not followed; copy the folder here
error-address-malformed = '{ $address }' is not a valid photo URL; correct it

## Archives

error-archive-damaged = this is not a valid ZIP archive ({ $cause }); copy or download it again
error-member-leads-out = the path points outside the archive and is not followed; create the archive again
error-member-link = this is a link, and links are not followed; add the file itself to the archive
error-member-encrypted = the file is encrypted; create the archive without a password
error-member-compression = the compression method is not supported; create a ZIP archive with Deflate compression
error-member-repeated = the archive contains this name twice; the first file is used
error-member-overlaps = the file shares its bytes with another file in the archive (ZIP bomb); copy or download the archive again
error-member-archive = this is an archive in an archive, and is not read; unpack the outer one
error-archive-members = the archive has too many files; split it into smaller ones
error-photo-bomb = the photo would unpack to { $megabytes } MB from far fewer bytes than a photo needs (ZIP bomb); remove it
error-member-bomb = '{ $name }' would unpack from { $kilobytes } KB to { $megabytes } MB, which is implausible for a table (ZIP bomb); copy or download the archive again

## Shards

error-record-photos = the record has { $number ->
    [0] no photo
   *[other] { $number } photos
}; it needs exactly one
error-record-text = the .json or .txt file next to the photo cannot be read ({ $cause }); correct it
error-record-json-deep = the .json file next to the photo is nested too deeply; simplify it
error-record-json-kind = the .json file next to the photo is not a JSON object; correct it
error-shard-damaged = this is not a complete, readable shard ({ $cause }); copy or download it again
error-shard-compressed = the shard is compressed, and photos in it cannot be found directly; decompress it to a .tar file
error-shard-members = the shard has more than { $most } files; split it into smaller shards
error-shard-members-unused = { $number ->
    [one] 1 file is
   *[other] { $number } files are
} not used, because { $number ->
    [one] it is
   *[other] they are
} neither the photo of a record nor its .json or .txt ({ $kinds })
error-member-unknown = the file is neither a photo nor a .json or .txt file of a photo; rename it, or remove it from the shard
error-member-sparse = this is a sparse file; create the shard without --sparse
error-member-not-file = this is not a regular file; remove it from the shard
error-member-text-too-large = the .json or .txt file next to the photo is larger than { $million } MB; make it smaller
error-shard-too-large = the shard is too large: photos after the first { $photos } are not read; split it into smaller shards
error-shard-without-texts = { $photos } photos have neither a scientificName nor a caption
error-stream-no-photo = the most recently read shards contain no photo in the training split that has a name or a caption

## Tables

error-table-column-repeated = the column { $column } occurs twice; the first is used
error-table-bomb = the file unpacks from { $kilobytes } KB to more than { $megabytes } MB, which is implausible for a table; copy or download it again
error-table-column-missing = these columns are missing: { $missing } (columns found: { $found }); add them
error-table-without-photos = there is no column `file` with the names of the photo files (columns found: { $found }); add it
error-table-not-read = the file cannot be read ({ $cause }); check the file and its permissions
error-table-damaged = the table is damaged from here on ({ $cause }); copy or download the file again
error-row-malformed = the row is malformed ({ $cause }); correct it
error-row-unclosed = the row has an opening quotation mark without a closing one; correct it
error-row-too-wide = the row has { $cells } columns, but the header has { $columns }; put text that contains the separator in quotation marks
error-row-width = the row has { $cells } columns instead of { $columns }; correct it
error-row-without-photo = the row does not specify a photo; fill in the column { $column }
error-row-repeated = '{ $name }' is already on an earlier line; keep one of them
error-line-too-long = the line has more than { $most } characters; shorten it
error-line-not-utf8 = the line is not valid UTF-8 and was read as Windows-1252; check accented letters, or save the file as UTF-8

## iNaturalist and Darwin Core Archives

error-observation-not-numbered = '{ $number }' is not an observation number; correct the column id
error-observation-without-photo = observation { $number } has no image_url and so no photo; remove the row
error-not-a-plant = { $name } is not a plant (kingdom: { $kingdom }); remove the row
error-occurrence-absent = the row says that { $name } was not there (occurrenceStatus is absent); remove the row
error-identification-doubtful = the identification as { $name } is doubtful ({ $qualifier }); correct it, or remove the row
error-taxon-rank-unused = { $name } has a rank that floras do not use ({ $rank }); name an order, family, genus, species or a part of a species
error-meta-too-large = the file is larger than 1 MB, too large for a description of tables; copy or download the archive again
error-meta-without-core = the file does not describe a core; copy or download the archive again
error-meta-not-read = the file cannot be read ({ $cause }); copy or download the archive again
error-meta-doctype = the file has a DOCTYPE, which is not supported; remove it
error-meta-separator = columns separated by { $separator } and enclosed in { $quote } are not supported; use one character for each
error-meta-line-end = lines must end with a line break; export the archive with linesTerminatedBy \n
error-meta-header-lines = ignoreHeaderLines is { $number }, more than the limit of { $most }; set it to the number of header lines
error-core-unknown = the archive's core is '{ $core }', but only Occurrence and Taxon are supported; export one of them
error-archive-tables-unused = { $number ->
    [one] 1 table
   *[other] { $number } tables
} without photos or names not used ({ $kinds })
error-gbif-simple = this GBIF download has no photos; request it again as a Darwin Core Archive
error-row-id-repeated = the id '{ $id }' is already on an earlier line; correct the archive
error-row-id-missing = the row has no id; correct the archive
error-row-without-core = the row refers to '{ $id }', which is not in the core; correct the archive
error-row-core-unnamed = the row does not say which row of the core it belongs to; correct the archive
error-media-not-photos = { $number ->
    [one] 1 media item is not a photo
   *[other] { $number } media items are not photos
} ({ $kinds })
error-media-unnamed = the row does not specify a photo; fill in identifier or accessURI

## Names and lists of taxa

error-no-name = a taxon needs a scientific name; { $medium ->
    [page] enter it first
   *[command] fill in the column scientificName in every row
}
error-name-malformed = { $name } is not a valid scientificName: it has { $length } characters or contains unprintable ones; use at most { $most } printable characters
error-name-too-long = the name { $name }… has { $length } characters, too many for a name; use at most { $most }
error-name-unprintable = the name { $name } contains control characters; type it again
error-rank-unknown = unknown taxonRank { $rank }; use one of { $ranks }
error-taxon-repeated = { $name } is in the list twice{ $more ->
    [0] {""}
    [one] {""} (other taxa on 1 more line)
   *[other] {""} (other taxa on { $more } more lines)
}; keep one of the rows
error-taxa-file-missing = no such taxa file; check the path
error-taxa-file-not-read = the taxa file cannot be read ({ $cause }); check the file and its permissions
error-taxa-file-empty = the file contains no taxa that can be used; add one row per taxon
error-names-file-empty = the file contains no names; write one scientific name per line
error-only-without-name = the value of --only is empty; specify a scientific name, or a file that lists names

## Lists of taxa

error-list-without-names = there is no column `scientificName` (columns found: { $found }); give this name to the column of the scientific names
error-list-is-spreadsheet = this is a spreadsheet, which cannot be read; save it as CSV (UTF-8)
error-list-is-ncbi-dump = this is one file of NCBI's taxonomy dump; use the whole archive, taxdmp.zip
error-ncbi-dump-damaged = the line does not have the form of NCBI's taxonomy dump; download taxdmp.zip again
error-list-archive = the archive contains { $number ->
    [0] no list of taxa; add a table with the column scientificName
   *[other] { $number } lists of taxa ({ $names }); unpack it and specify one of them
}
error-list-too-long = the list has more than { $most } names, too many to keep in memory; keep only the plants, or only your region
error-list-rank = unknown taxonRank '{ $rank }'{ $more ->
    [0] {""}
    [one] {""} (also on 1 more line)
   *[other] {""} (also on { $more } more lines)
}; correct it
error-list-rank-derived = unknown taxonRank '{ $rank }'{ $more ->
    [0] {""}
    [one] {""} (also on 1 more line)
   *[other] {""} (also on { $more } more lines)
}, so the rank is derived from the name
error-list-ranks-unused = { $number ->
    [one] 1 row has a rank
   *[other] { $number } rows have ranks
} that floras do not use ({ $kinds })
error-list-statuses-unused = { $number ->
    [one] 1 name is
   *[other] { $number } names are
} not used: neither accepted, nor a synonym with an accepted name ({ $kinds })
error-list-kingdoms-unused = { $number ->
    [one] 1 row is
   *[other] { $number } rows are
} not used, about animals, fungi and other organisms that are not plants
error-list-synonyms-unused = { $number ->
    [one] 1 synonym is
   *[other] { $number } synonyms are
} not used, because the accepted taxon is not in the list, or because another taxon has the same name
error-list-names-unused = { $number ->
    [one] 1 row is
   *[other] { $number } rows are
} not used, because the name does not stand for exactly one taxon (sp., cf., aff., sample numbers): { $names }
error-list-name-missing = the row has no scientificName; fill it in
error-list-id-repeated = the taxonID '{ $id }' is also used on line { $line }{ $more ->
    [0] {""}
    [one] {""} (similar cases on 1 more line)
   *[other] {""} (similar cases on { $more } more lines)
}; correct one of them
error-list-circle = the taxon is its own ancestor through parentNameUsageID; correct it
error-list-parent-missing = the parentNameUsageID '{ $parent }' is not a taxonID in the list{ $more ->
    [0] {""}
    [one] {""} (similar cases on 1 more line)
   *[other] {""} (similar cases on { $more } more lines)
}; family and order are only known as far as their columns say
error-list-accepted-missing = the synonym '{ $name }' refers to '{ $accepted }', which is not in the list{ $more ->
    [0] {""}
    [one] {""} (similar cases on 1 more line)
   *[other] {""} (similar cases on { $more } more lines)
}; correct acceptedNameUsageID
error-list-synonym-circle = the synonym '{ $name }' refers back to itself through acceptedNameUsageID{ $more ->
    [0] {""}
    [one] {""} (similar cases on 1 more line)
   *[other] {""} (similar cases on { $more } more lines)
}; correct it
error-list-synonym-without-accepted = the synonym '{ $name }' has no accepted name{ $more ->
    [0] {""}
    [one] {""} (similar cases on 1 more line)
   *[other] {""} (similar cases on { $more } more lines)
}; fill in acceptedNameUsageID
error-decisions-not-read = the file of name decisions cannot be read ({ $cause }); check the file and its permissions
error-decision-unclear = the row has no name, or contradicts an earlier line; correct it

## Packing

error-pack-setting-range = { $name } is { $value }; use a value from { $least } to { $most }
error-pack-setting-least = { $name } is { $value }; use { $least } or more
error-pack-setting-choice = { $name } is '{ $value }'; use one of { $choices }
error-photo-nameless = the photo has neither a scientific name nor a caption; add one
error-name-left-out = the name '{ $name }' is excluded by your decision in --names

## Names that people write

error-name-doubtful = the name '{ $name }' is marked as doubtful and may mean { $candidates }; write the name without the mark, or { $medium ->
    [page] the name of its genus
   *[command] use --doubtful genus with `dalip data pack`, `dalip index build` or `dalip index add`
}
error-name-ambiguous = the name '{ $name }' may mean { $candidates }; write the one that is meant
error-name-unknown = { $number ->
    [0] the name '{ $name }' is not in the list; check the spelling
   *[other] the name '{ $name }' is not in the list, but similar to { $candidates }; check the spelling
}
error-name-absent = '{ $name }' says that there is no name; write a scientific name such as Rosa canina
error-name-formula = '{ $name }' is a hybrid formula, not the name of one taxon; write the name of the hybrid, such as Salix × rubens
error-name-not-scientific = '{ $name }' is not the scientific name of a plant; write one such as Rosa canina
error-name-read-as = { $dropped ->
    [none] "{ $name }" is read as { $taxon } ({ $how })
   *[other] "{ $name }" is read as { $taxon } ({ $how }), without { $dropped }
}
error-names-read-as-more = { $number } more names are read in a similar way
error-photo-duplicate = the photo is a duplicate or near-duplicate of { $other }, which is larger or comes first
error-photo-with-two-names = this is the same photo as { $others }, but under different names ({ $names }); keep the right one
error-photo-too-small = the photo has only { $width } x { $height } pixels, too few to show a plant; use a larger one
error-photo-too-narrow = the photo is a narrow strip of { $width } x { $height } pixels; crop it to the plant
error-pack-folder-file = this is a file; choose a folder for the shards
error-pack-folder-foreign = the folder contains { $name }, which `dalip data pack` did not write; use an empty or a new folder
error-pack-folder-busy = another `dalip data pack`{ $holder ->
    [0] { "" }
   *[other] { " " }(process { NUMBER($holder, useGrouping: 0) })
} is writing to this folder; wait until it finishes
error-pack-folder-not-written = the photos cannot be packed: { $cause }
error-pack-nothing-left = no photos are left to pack; the first one skipped: { $cause }
error-pack-no-photos = no photos are left to pack; use sources that contain photos
error-pack-part-gone = the file was deleted while it was still needed; run the command again
error-pack-worker-ended = a worker process was killed, perhaps because memory ran out; run the command again with fewer --workers to resume
error-datasheet-not-read = the datasheet cannot be read ({ $cause }); pack the photos again
error-datasheet-format = the datasheet has format { NUMBER($format, useGrouping: 0) }, which this version of DALIP does not support; pack the photos again

## Photos on the web

error-photos-on-web = { $number ->
    [one] 1 photo is
   *[other] { $number } photos are
} on the web; add --download, or specify the folder of the downloaded photos with --photos
error-download-folder = the folder cannot be created ({ $cause }); choose another one
error-download-answer = the server responded with HTTP status { $status }; check the URL
error-download-address = the photo cannot be downloaded ({ $cause }); correct the URL
error-download-failed = the photo cannot be downloaded ({ $cause }); run the command again later
error-download-not-kept = the photo cannot be saved ({ $cause }); free some disk space for { $folder }
error-download-wait = the server requires a wait of { $seconds } seconds before the next request; run the command again later
error-download-elsewhere = the URL redirects to an address that is not HTTP or HTTPS; correct it
error-download-empty = the downloaded file is empty; correct the URL
error-download-slow = the download took longer than { $seconds } seconds and was stopped; run the command again later
error-download-private = { $host } is at { $address }, an address of this computer or of a local network; if you trust the source, add --allow-private-addresses
error-download-redirected = the URL redirects to another host ({ $address }); if you trust the source, add --allow-redirects
error-download-redirects = the URL redirects more than { $most } times; correct it
error-download-not-photo = the server sent { $content } instead of a photo; correct the URL
error-download-encoding = the server compressed the photo in a way that cannot be read ({ $encoding }); download it yourself and use --photos
error-download-proxy = the proxy that the environment specifies cannot be used ({ $cause }); specify an HTTP proxy
error-download-host = the photo was not tried, because the server did not deliver { $number } photos in a row; run the command again later
