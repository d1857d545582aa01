### Errors of the library and the journal.

error-library-empty = the library is empty; { $medium ->
    [page] add a folder of photos below
   *[command] add photos with `dalip library add FOLDER`
}
error-library-other-encoder = the library was built with another encoder; { $medium ->
    [page] add or update one of its folders
   *[command] run `dalip library add` to embed all photos again
}
error-library-busy = another process is moving the library to another encoder; wait until it finishes
error-no-words = the search query is empty; describe what the photos show
error-no-folder = no such folder; choose a folder of photos
error-folder-unknown = this folder is not in the library; { $medium ->
    [page] see the list of folders
   *[command] list its folders with `dalip library info`
}
error-folder-inside = the folder is inside { $above }, which is also in the library; remove that folder first
error-folder-not-listed = the contents of the folder cannot be read ({ $cause }); check its permissions
error-folder-absent = the folder was not found; its photos stay in the library until { $medium ->
    [page] you remove it
   *[command] you remove it with `dalip library remove`
}
error-name-not-utf8 = the file name is not valid UTF-8; rename the file
error-file-not-read = the file cannot be read ({ $cause }); check its permissions
error-no-day = { $date } is not a date; use the form 2024-05-31, 2024-05 or 2024
error-day-order = the first day, { $since }, is after the last day, { $until }; swap them
error-verdict-unknown = { $verdict } is not a verdict; use one of { $known }
error-observation-gone = this observation no longer exists
error-visit-full = this visit has stored as much as it may; export the journal and delete observations
error-no-journal = there is no journal yet; { $medium ->
    [page] save an answer first
   *[command] save an observation on the page first
}
error-place-by-half = a location needs both a latitude and a longitude; enter both or neither
error-no-place = { $latitude }, { $longitude } is not a location on Earth; enter the latitude and longitude in degrees north and east
error-no-probability = { $number } is not a probability; use a number from 0 to 1
error-no-date = { $date } is not a date; use the form 2026-05-31 or 2026-05-31T14:30
error-no-journal-file = the file cannot be read as a journal ({ $cause }); choose a .zip, .csv or .json file exported from a journal
error-journal-form = a journal file must end in .zip, .csv or .json; use one of these extensions
error-journal-not-written = the file cannot be written ({ $cause }); choose another file
error-journal-not-json = this is not the JSON of an exported journal: { $cause }
error-journal-member-missing = the archive does not contain { $name }
error-journal-member-damaged = the file cannot be extracted from the archive ({ $cause })
error-journal-member-too-large = the file is larger than { $most } bytes
error-journal-photo-no-jpeg = the photo is not a JPEG file
error-journal-field-missing = the field { $field } is missing
error-journal-field-no-text = { $field } is { $value }, which is not a string
error-journal-field-no-number = { $field } is { $value }, which is not a number
error-journal-remarks = identificationRemarks does not have the content that DALIP writes there: { $cause }
error-data-folder-not-made = the folder cannot be created ({ $cause }); use another --data-dir
error-database-newer = the database has version { NUMBER($version, useGrouping: 0) }, but this version of DALIP supports only up to { NUMBER($known, useGrouping: 0) }; upgrade DALIP
error-database-not-used = the database cannot be used ({ $cause }); check that the disk is not full or read-only
error-database-not-copied = this backup copy, which DALIP makes before it upgrades the database, cannot be written ({ $cause }); check that the disk is not full or read-only
error-database-damaged = the database is damaged ({ $cause }); { $holds ->
    [journal] move the file elsewhere and import your last export
   *[library] delete the file and add your folders again
}
