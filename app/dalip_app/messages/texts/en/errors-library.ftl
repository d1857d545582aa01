### What is wrong with the library and the journal.

error-library-empty = the library is empty; { $medium ->
    [page] add a folder of photos below
   *[command] `dalip library add FOLDER` fills it
}
error-library-other-encoder = the library was made with another encoder; { $medium ->
    [page] add or update one of its folders
   *[command] run `dalip library add` to encode all of it again
}
error-no-words = there is nothing to search for; say in words what the photos show
error-no-folder = there is no such folder; name a folder of photos
error-no-photos = the folder holds no photo; name a folder of photos
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
error-observation-gone = this observation is not there any more
error-no-journal = there is no journal yet; { $medium ->
    [page] keep an answer first
   *[command] save an observation on the page first
}
error-no-date = { $date } is no date; write it as 2026-05-31 or 2026-05-31T14:30
error-no-journal-file = the file is no journal ({ $cause }); choose a .zip, .csv or .json file of one
