### What the page says, in English. Texts from files and visitors come in as facts, such as { $plant }.

language-name = English
page-title = DALIP: names for plants
page-tagline = Names for plants, from a photo, on your own computer
page-tagline-public = Names for plants, from a photo
page-public =
    This page is answered by a server, not by your own computer. It deletes your photos within ten minutes. What you
    keep in the journal only you see, and it is gone when you close or reload the page, or change its language: export it before.
page-languages = Languages
page-flora = Flora that answers
flora-builtin = Built-in flora

tab-identify = Identify
tab-search = Search
tab-flora = Flora
tab-journal = Journal
tab-about = About

## Taking a photo

picker-plant = A photo of a plant
picker-alike = Or find what looks like a photo
picker-hint-several = Drop up to five of one plant here, paste one, or
picker-hint-one = Drop a file here, paste one, or
picker-choose = Choose a photo
picker-camera = Take a photo
picker-again = Another photo
picker-busy = Looking at your photo
picker-chosen = The photo that you chose
picker-too-many = { $most ->
    [one] Choose one photo alone.
   *[other] Choose { $most } photos at most.
}
picker-too-large = This file is too large; choose a smaller one.
picker-not-sent = The photo could not be sent; is DALIP still running?

## The answer

answer-awaited = Five likely names will appear here.
answer-advice = A flower or a leaf that fills most of the photo, sharp and in daylight, is named best.
answer-sure = This is most likely { $plant }.
answer-above = This is most likely of the { $rank } { $above }, perhaps { $plant }.
answer-unsure = I am not sure; it may be { $plant }.
answer-not-in-flora = This seems to be a plant that this flora does not hold; the closest in it is { $plant }.
answer-not-a-plant = This does not look like a photo of a plant. If it is one, the closest is { $plant }.
answer-uncalibrated = The closest in this flora is { $plant }.
answer-none = This flora has no name for it.
answer-set = It is one of these { $number } (right for { $share } of photos): { $plants } or { $last }.
answer-alike = Photos of { $plant } resemble most those of { $others }.
answer-calibrated-meaning =
    The percentages take for granted that the plant is one of the { $plants } in this flora, and hold for photos
    like those it was calibrated on.
answer-uncalibrated-meaning =
    The scores are similarities: 1 is the closest there can be. They are no probabilities, for this flora has
    not been calibrated.
answer-probability = probability
answer-similarity = similarity
answer-link = about { $plant }, opens another site

rank = { $rank ->
    [order] order
    [family] family
    [genus] genus
    [species] species
    [subspecies] subspecies
    [variety] variety
    [form] form
   *[cultivar] cultivar
}

why = Which parts of the photo speak for it?
why-picture = The photo, its parts coloured as said below
why-caption =
    <span class="why-for">Orange</span> parts speak for { $first }, <span class="why-against">blue</span> parts for
    { $second }; the stronger the colour, the more. Only this middle square was looked at.

caution = <strong>A name is no advice.</strong> Photos mislead, and look-alikes can be poisonous. Never eat a plant, or
    give or apply it to anyone, because of an answer on this page.
caution-first = Caution: { $plant } { $harm ->
    [deadly] can kill
    [skin] harms the skin
   *[poisonous] is poisonous
}: { $how }.
caution-likely = Caution: it may be { $plant }, which { $harm ->
    [deadly] can kill
    [skin] harms the skin
   *[poisonous] is poisonous
}: { $how }.
caution-alike = Caution: its photos resemble those of { $plant }, which { $harm ->
    [deadly] can kill
    [skin] harms the skin
   *[poisonous] is poisonous
}: { $how }.

## Keeping an answer

keep-title = Keep it in your journal
keep-right = This is right
keep-later = Keep for later
keep-other = It is something else
keep-other-hint = Choose a plant, or write its scientific name.
keep-other-button = Keep under this name
keep-details = Keep when and where the photo was taken, if it says so
keep-nothing = There is nothing to keep yet.
keep-no-name = Choose or write a name first.
kept-right = Saved, and confirmed.
kept-other = Saved under the name that you gave.
kept-later = Saved for later.

## Search

search-words = Search your photos in words
search-example = yellow iris
search-button = Search
search-filters = Only some of them
search-any = any
search-taxon = Species, genus or family
search-since = From
search-until = To
search-file-date = file of { $date }
search-verdict = How sure the name is
search-none = No photo is like that.
search-found = { $photos ->
    [0] No photo fits well. These come closest.
    [one] { $photos } photo.
   *[other] { $photos } photos.
}
search-hidden = { $photos ->
    [one] { $photos } that hardly fits is hidden.
   *[other] { $photos } that hardly fit are hidden.
}
search-more = Show more
search-closest = Show those that hardly fit, too
search-unnamed = not named yet
search-identify = Name the plant in { $file }
search-hit-gone = cannot be read any more
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
library-no-folder = Name a folder first.
library-all = your folders
library-looking = Looking for photos: { $folder }
library-progress = Photos: { $done } of { $total } in { $folder }
library-naming = Naming photos: { $done }
library-waiting = Then: { $folders }
library-cancel = Stop
library-stopped = stopped before the end
library-size = { $photos ->
    [0] Your library is empty: add a folder of photos.
    [one] { $photos } photo in your library.
   *[other] { $photos } photos in your library.
}
library-photos = { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
library-forget = Forget
library-forgotten = { $folder }: forgotten, with { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}. The photos themselves are where they were.
library-report = { $what ->
    [added] { $number } added
    [changed] { $number } changed
    [moved] { $number } moved
    [removed] { $number } removed
    [unchanged] { $number } unchanged
   *[unreadable] { $number } unreadable
}
library-empty-here = The library is empty. Folders are added at the computer that it is on.
library-nothing = Nothing to do
library-more-unreadable = and { $number } more that cannot be read

## Flora

flora-find = Find a plant of this flora
flora-find-hint = By a scientific or common name, or a family. Typing errors are forgiven.
flora-find-example = poppy
flora-none = No plant of this flora is called so.
flora-found = { $plants ->
    [one] { $plants } plant.
   *[other] { $plants } plants.
}
flora-found-more = { $plants } plants, the first { $shown } of them.
flora-rank = Rank
flora-family = Family
flora-order = Order
flora-names = Names ({ $language })
flora-known-by = Known by
flora-evidence = { $texts ->
    [one] { $texts } text
   *[other] { $texts } texts
}, { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
flora-taught = { $evidence }, taught later
flora-harm = Harm
flora-own-photo = Your photo of { $plant }
teach-title = Teach it a plant
teach-lesson =
    Three to five photos and a name are enough, without training. Other plants are named as before, except in
    photos that resemble the new one.
teach-name = Scientific name
teach-common = Common name
teach-common-example = Swiss cheese plant
teach-family = Family
teach-rank = Rank
teach-photos = Photos of it
teach-button = Teach
teach-no-photos = Choose at least one photo of it.
teach-photo = Photo { $number }: { $problem }
teach-forget = Forget this name
taught = It knows { $plant } now, by { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}.
forgotten = It has forgotten { $plant }, and answers as before.

## Journal

journal-order = Order
journal-in-doubt = In doubt first
journal-newest = Newest first
journal-export = Export
journal-import = Import
journal-teach = Teach the flora the plants that I named
journal-empty = Your journal is empty: identify a photo, and keep it.
journal-size = { $number ->
    [one] { $number } observation.
   *[other] { $number } observations.
}
journal-more = Show more
journal-change = Change { $plant }
journal-name = Name
journal-date = Date
journal-notes = Notes
journal-save = Save
journal-delete = Delete
journal-saved = { $plant }: saved.
journal-deleted = { $plant }: deleted.
journal-photo = Your photo of { $plant }
journal-confirmed = confirmed
journal-answered = answered: { $plant }
journal-unconfirmed = not confirmed
journal-imported = { $added } added, { $there } there already.
journal-nothing-to-teach = Nothing to teach: the flora can learn nothing new from what you named.
journal-taught = The flora knows now, by so many photos of yours: { $plants }.

## About

about-title = About DALIP
about-how =
    DALIP compares your photo with every plant of a <em>flora</em>: a list of plants, each with its names, with texts
    that describe it and, where there are any, with photos. The closest five are your answer.
about-where =
    All of this happens on the computer that runs DALIP. Your photos are not sent anywhere else and are deleted within
    ten minutes, unless you keep one in your journal, and this page loads nothing from the internet. Links under an
    answer open other sites only when you follow them.
about-limits-title = What it cannot do
about-limits =
    It knows only the plants of its flora. Most photos of other things it recognises as such, and some of other plants;
    the rest get the name of a plant that they resemble. It looks at one photo, where a botanist looks at leaf, stem,
    flower, fruit and place. Plants that look alike are often confused.
about-terms = The code is under the Apache License 2.0; the weights have terms of their own, above.
about-plants = Plants it can name
about-plants-of = { $plants }, of { $families ->
    [one] { $families } family
   *[other] { $families } families
}
about-evidence = Evidence
about-evidence-of = { $texts } texts and { $photos } photos
about-probabilities = Probabilities
about-calibrated = calibrated on { $photos } photos held out for it
about-uncalibrated = none; this flora has not been calibrated
about-encoder = Encoder
about-trained-on = Trained on
about-weights = Terms of the weights
about-not-recorded = not recorded

## Errors

fault-of = { $source }: { $fault }
