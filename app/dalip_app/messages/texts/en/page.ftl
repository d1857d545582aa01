### Texts of the page in English. File names, plant names and user input come in as variables, such as { $plant }.

language-name = English
page-title = DALIP: plant identification
page-tagline = Identify plants from a photo, on your own computer
page-tagline-public = Identify plants from a photo
page-not-saved = Nothing can be saved (observations, photos of your library, plants that you teach): { $cause }.
page-public =
    This page runs on a server, not on your computer. Your photos are deleted within ten minutes. Only you can see
    your journal, and it is lost when you close or reload the page or change its language, so export it first.
page-languages = Languages
page-flora = Flora to use
flora-builtin = Built-in flora

tab-identify = Identify
tab-search = Search
tab-flora = Flora
tab-journal = Journal
tab-about = About

## Taking a photo

picker-plant = A photo of a plant
picker-alike = Or find similar photos
picker-hint-several = Drop up to five photos of one plant here, paste one, or
picker-hint-one = Drop a photo here, paste one, or
picker-choose = Choose a photo
picker-camera = Take a photo
picker-again = Another photo
picker-busy = Looking at your photo
picker-chosen = The photo you chose
picker-too-many = { $most ->
    [one] Choose only one photo.
   *[other] Choose at most { $most } photos.
}
picker-too-large = This file is too large; choose a smaller one.
picker-not-sent = The photo could not be uploaded. Is DALIP still running?

## Saving an answer

keep-title = Save to your journal
keep-right = This is correct
keep-later = Save for later
keep-other = It is a different plant
keep-other-hint = Type part of a name and choose a plant, or type any scientific name.
keep-other-button = Save under this name
keep-details = Also save the date and place recorded in the photo, if any
keep-nothing = There is nothing to save yet.
keep-no-name = Choose or type a name first.
kept-right = Saved and confirmed.
kept-other = Saved as { $plant }.
kept-later = Saved for later.

## Search

search-words = Describe the photos you are looking for
search-example = yellow iris
search-button = Search
search-filters = Filters
search-any = any
search-taxon = Species, genus or family
search-since = From
search-until = To
search-file-date = file dated { $date }
search-verdict = Confidence
search-none = No matching photos.
search-found = { $photos ->
    [0] No good matches. These photos come closest.
    [one] { $photos } photo.
   *[other] { $photos } photos.
}
search-hidden = { $photos ->
    [one] { $photos } weak match is hidden.
   *[other] { $photos } weak matches are hidden.
}
search-more = Show more
search-closest = Show weak matches
search-unnamed = not identified yet
search-identify = Identify the plant in { $file }
search-hit-gone = can no longer be read
verdict = { $verdict ->
    [sure] sure
    [unsure] unsure
    [not-in-flora] not in this flora
    [not-a-plant] not a plant
   *[uncalibrated] not calibrated
}
library-title = Your folders
library-folder = A folder of photos on this computer
library-folder-example = ~/Pictures/Garden
library-add = Add or update
library-no-folder = Enter a folder first.
library-all = your folders
library-looking = Looking for photos in { $folder }
library-progress = Reading photos in { $folder }: { $done } of { $total }
library-naming = Photos identified: { $done }
library-waiting = Next: { $folders }
library-cancel = Stop
library-stopped = stopped early
library-size = { $photos ->
    [0] Your library is empty. Add a folder of photos.
    [one] { $photos } photo in your library.
   *[other] { $photos } photos in your library.
}
library-photos = { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
library-forget = Remove
library-forgotten = { $folder }: removed, with { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}. The photo files themselves were not deleted.
library-report = { $what ->
    [added] { $number } added
    [changed] { $number } changed
    [moved] { $number } moved
    [removed] { $number } removed
    [unchanged] { $number } unchanged
    [not-photos] { $number } not photos
    [hidden-or-system] { $number } hidden or system
   *[unreadable] { $number } unreadable
}
library-empty-here = The library is empty. Folders can only be added on the computer that runs DALIP.
library-nothing = Nothing to do
library-more-unreadable = and { $number } more that cannot be read

## Flora

flora-find = Find a plant in this flora
flora-find-hint = By scientific or common name, or by family. Small typos do not matter.
flora-find-example = poppy
flora-none = No plant in this flora matches.
flora-found = { $plants ->
    [one] { $plants } plant.
   *[other] { $plants } plants.
}
flora-found-more = { $plants } plants, of which the first { $shown } are shown.
flora-rank = Rank
flora-family = Family
flora-order = Order
flora-names = Names ({ $language })
flora-known-by = Learned from
flora-evidence = { $texts ->
    [one] { $texts } text description
   *[other] { $texts } text descriptions
}, { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
flora-taught = { $evidence }, taught later
flora-harm = Hazard
flora-harm-known = { $harm ->
    [deadly] can kill
    [skin] harms the skin
   *[poisonous] is poisonous
}: { $how } ({ $source })
flora-harm-unknown = none is known to DALIP, which does not mean that the plant is edible
flora-own-photo = Your photo of { $plant }
teach-title = Teach this flora a plant
teach-lesson =
    Three to five photos and a name are enough; no training is needed. Other plants are identified as before, except in
    photos that resemble the new plant.
teach-name = Scientific name
teach-common = Common name
teach-common-example = Swiss cheese plant
teach-family = Family
teach-rank = Rank
teach-photos = Photos of the plant
teach-button = Teach
teach-no-photos = Choose at least one photo of the plant.
teach-photo = Photo { $number }: { $problem }
teach-forget = Forget this plant
taught = The flora now knows { $plant } from { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}.
forgotten = The flora has forgotten { $plant } and answers as before.

## Journal

journal-order = Sort by
journal-in-doubt = Least certain first
journal-newest = Newest first
journal-export = Export
journal-import = Import
journal-teach = Teach the flora the plants I named
journal-empty = Your journal is empty. Identify a photo and save it here.
journal-size = { $number ->
    [one] { $number } observation.
   *[other] { $number } observations.
}
journal-more = Show more
journal-change = Edit { $plant }
journal-name = Name
journal-date = Date
journal-notes = Notes
journal-save = Save
journal-delete = Delete
journal-saved = { $plant }: saved.
journal-deleted = { $plant }: deleted.
journal-photo = Your photo of { $plant }
journal-confirmed = confirmed
journal-answered = DALIP’s answer: { $plant }
journal-unconfirmed = not confirmed
journal-imported = { $added } added, { $there } already in the journal.
journal-not-used-more = { $number } more were not used.
journal-nothing-to-teach = Nothing to teach: the flora already knows every plant you named.
journal-taught = The flora has learned these plants (number of your photos): { $plants }.

## About

about-title = About DALIP
about-how =
    DALIP compares your photo with every plant in a <em>flora</em>: a list of plants with their names, text descriptions
    and, where available, photos. You get the five closest matches.
about-where =
    All of this happens on the computer that runs DALIP. Your photos are not sent anywhere else. They are deleted within
    ten minutes, unless you save one in your journal. This page loads nothing from the internet; the links below an
    answer open other websites only when you click them.
about-limits-title = Limitations
about-limits =
    DALIP only knows the plants in its flora. It rejects most photos of other things and some photos of other plants;
    the rest get the name of a plant they resemble. It sees only a photo, whereas a botanist also examines leaf, stem,
    flower, fruit and location. Similar plants are often confused.
about-terms = The code is licensed under the Apache License 2.0; the weights have separate terms, listed above.
about-plants = Plants it can identify
about-plants-of = { $plants } in { $families ->
    [one] { $families } family
   *[other] { $families } families
}
about-evidence = Evidence
about-evidence-of = { $texts } text descriptions and { $photos } photos
about-probabilities = Probabilities
about-calibrated = calibrated on { $photos } photos
about-uncalibrated = none; this flora has not been calibrated
about-encoder = Encoder
about-trained-on = Trained on
about-weights = Terms of the weights
about-not-recorded = not recorded

## Errors

fault-of = { $source }: { $fault }
