### What is wrong with the library and the journal.

error-library-empty = the library is empty; { $medium ->
    [page] add a folder of photos below
   *[command] `dalip library add FOLDER` fills it
}
error-library-other-encoder = the library was made with another encoder; { $medium ->
    [page] add or update one of its folders
   *[command] run `dalip library add` to encode all of it again
}
error-library-busy = another process is moving the library to another encoder; wait until it is done
error-no-words = there is nothing to search for; say in words what the photos show
error-no-folder = there is no such folder; name a folder of photos
error-folder-unknown = this is not a folder of the library; { $medium ->
    [page] look at the list of folders
   *[command] `dalip library info` lists them
}
error-folder-inside = the folder lies in { $above }, which is in the library, too; { $medium ->
    [page] forget that one
   *[command] remove that one
}
error-folder-not-listed = the folder cannot be listed ({ $cause }); allow it
error-folder-absent = the folder is not there; its photos stay in the library until { $medium ->
    [page] you forget it
   *[command] `dalip library remove` forgets it
}
error-name-not-utf8 = the name is not valid UTF-8; rename the file
error-file-not-read = the file cannot be read ({ $cause }); check its permissions
error-no-day = { $date } is no date; write it as 2024-05-31, 2024-05 or 2024
error-day-order = from { $since } until { $until } there is no day; turn them round
error-verdict-unknown = { $verdict } is no verdict; use one of { $known }
error-observation-gone = this observation is not there any more
error-no-journal = there is no journal yet; { $medium ->
    [page] keep an answer first
   *[command] save an observation on the page first
}
error-place-by-half = a place needs both a latitude and a longitude; give both or neither
error-no-place = { $latitude }, { $longitude } is no place on Earth; give degrees north and east
error-no-probability = { $number } is no probability; give a number from 0 to 1
error-no-date = { $date } is no date; write it as 2026-05-31 or 2026-05-31T14:30
error-no-journal-file = the file is no journal ({ $cause }); choose a .zip, .csv or .json file of one
error-journal-form = a journal is a .zip, .csv or .json file; choose one of these endings
error-journal-not-written = the file cannot be written ({ $cause }); name another file
error-journal-not-json = these are not rows of an export: { $cause }
error-journal-member-missing = the archive holds no { $name }
error-journal-member-damaged = the file cannot be read from the archive ({ $cause })
error-journal-member-too-large = the file has more than { $most } bytes
error-journal-photo-no-jpeg = the photo is no JPEG
error-journal-field-missing = the field { $field } is missing
error-journal-field-no-text = { $field } is { $value }, which is no text
error-journal-field-no-number = { $field } is { $value }, which is no number
error-journal-remarks = identificationRemarks is not what DALIP writes there: { $cause }
error-data-folder-not-made = the folder cannot be made ({ $cause }); use another --data-dir
error-database-newer = the file is of version { $version }, this DALIP knows { $known }; upgrade DALIP
error-database-not-used = the file cannot be used ({ $cause }); is the disk full or read-only?
error-database-not-copied = the file is about to be changed for this DALIP, and a copy of it cannot be kept before ({ $cause }); is the disk full or read-only?
error-database-damaged = the file is damaged ({ $cause }); { $holds ->
    [journal] move it away and import your last export
   *[library] delete it and add your folders again
}
