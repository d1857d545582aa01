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
error-folder-too-deep = the path of the folder is longer than this system permits; move the folder up, or give the folders above it shorter names
error-folder-absent = the folder was not found; its photos stay in the library until { $medium ->
    [page] you remove it
   *[command] you remove it with `dalip library remove`
}
error-name-not-utf8 = the file name is not valid UTF-8; rename the file
error-file-not-read = the file cannot be read ({ $cause }); check its permissions
error-file-changing = the file changes while it is read; add the folder again when nothing writes to the file
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
error-no-date = { $date } is not a date; use the form 2026-05-31 or 2026-05-31T14:30
error-observation-unusable = the observation { $id } cannot be used ({ $cause }); it was left out
error-observation-differs = the observation { $id } is already in the journal with other content, which was kept
error-photos-of-no-observation = there is no observation { $id }; its photos ({ $number }) were left out

## Import and export of the journal.

error-no-journal-file = nothing was imported, because the file cannot be read as a journal ({ $cause }); choose a .zip, .csv or .json file exported from a journal
error-journal-form = a journal file must end in .zip, .csv or .json; use one of these extensions
error-journal-no-regular-file = this is a folder, pipe or device, not a file
error-journal-not-written = the export cannot be written: { $cause }
error-journal-not-json = this is not the JSON of an exported journal: { $cause }
error-journal-not-utf8 = the text is not UTF-8; save the table as UTF-8
error-journal-row-no-object = expected a JSON object with the fields of an observation
error-journal-row-malformed = quotation marks inside a cell must be doubled
error-journal-row-too-long = the row is longer than { $most } characters; perhaps a quotation mark is not closed
error-journal-row-cells = the row has { $cells } cells, but the table has { $columns } columns
error-journal-no-archive = the .zip archive is damaged: { $cause }
error-journal-member-missing = the archive does not contain { $name }
error-journal-member-damaged = the file cannot be extracted from the archive ({ $cause })
error-journal-member-form = the file in the archive is encrypted or compressed in an unusual way; make the archive without
error-journal-member-too-large = the file is larger than { $million } MB
error-journal-directory-too-large = the list of files in the archive is larger than { $million } MB
error-journal-too-large = the photos are larger than { $million } MB when unpacked; import them in several files
error-journal-too-many = there are more than { $most } rows; import them in several files
error-journal-too-many-photos = an observation has more than { $most } photos; remove some
error-journal-too-slow = the import took longer than { $seconds } seconds; import the observations in several files
error-journal-full = the observations and photos take more than { $million } MB in the journal; import fewer
error-journal-field-missing = the field is missing
error-journal-value-no-text = expected text, not { $value }
error-journal-value-no-number = expected a number from { $low } to { $high }, not { $value }
error-journal-value-unknown = expected one of { $known }, not { $value }
error-journal-text-empty = expected text, but the field is empty
error-journal-text-too-long = the text has { $length } characters; use at most { $most }
error-journal-text-not-unicode = the text contains a null character or half a Unicode character; remove it
error-journal-remarks = this is not what DALIP writes there: { $cause }
error-data-folder-not-written = the data folder cannot be written: { $cause } (see --data-dir)
error-database-newer = the database has version { NUMBER($version, useGrouping: 0) }, but this version of DALIP supports only up to { NUMBER($known, useGrouping: 0) }; upgrade DALIP
error-database-busy = { $holder ->
    [0] another process
   *[other] process { NUMBER($holder, useGrouping: 0) }
} has been writing to the database for more than { NUMBER($waited, useGrouping: 0) } seconds; wait until it finishes, or stop it
error-database-not-used = the database cannot be used ({ $cause }); check the permissions of the file and its folder
error-database-not-read = the database cannot be read, because a change was interrupted and cannot be completed here: { $cause }; or copy its folder to a disk with free space
error-database-not-written = nothing can be saved here: { $cause }
error-database-not-copied = this backup copy of { $size } MB, which DALIP makes before it upgrades the database, cannot be written: { $cause }
error-database-damaged = the database is damaged ({ $cause }); { $holds ->
    [journal] move the file elsewhere and import your last export
    [regions] delete the file and add your files again with `dalip region add`
   *[library] delete the file and add your folders again
}
