### Texts of an answer in English, on the page and in the terminal.

answer-awaited = The five most likely names will appear here.
answer-advice = For the best results, take a sharp photo in daylight in which a flower or leaf fills most of the frame.
answer-sure = This is most likely { $plant }.
answer-above = This most likely belongs to the { $rank } { $above } ({ $share }); it may be { $plant }.
answer-unsure = DALIP is not sure; it may be { $plant }.
answer-not-in-flora = This plant does not seem to be in the flora; the closest match is { $plant }.
answer-not-a-plant = This does not look like a photo of a plant. If it is one, the closest match is { $plant }.
answer-uncalibrated = The closest match in this flora is { $plant }.
answer-uncalibrated-region = The best match for the region is { $plant }.
answer-none = This flora has no name for this plant.
answer-set = It is one of these { $number } plants (correct for { $share } of photos{ $regional ->
    [1] {" "}of plants of the region
   *[0] {""}
}): { $plants } or { $last }.
answer-set-groups = It is or belongs to one of these { $number } (correct for { $share } of photos{ $regional ->
    [1] {" "}of plants of the region
   *[0] {""}
}): { $plants } or { $last }.
answer-region = Region { $region }, with { $taxa ->
    [1] 1 plant of the flora
   *[other] { $taxa } plants of the flora
}.
answer-region-changed = Without the region, the first name would be { $plant } ({ $share }).
answer-region-made-sure = Without the region, the first name would be the same, but DALIP would not be sure.
answer-region-made-unsure = Without the region, the first name would be the same, and DALIP would be sure.
answer-region-same = Without the region, the first name would be the same ({ $share }).
answer-region-outside = not known from the region
answer-alike = Photos of { $plant } look most like those of { $others }.
answer-calibrated-meaning =
    The percentages assume that the plant is one of the { $plants } in this flora and that the photo is similar to those
    used for calibration.
answer-uncalibrated-meaning =
    The scores are similarities; 1 is the highest possible value. They are not probabilities, because this flora has
    not been calibrated.
answer-probability = probability
answer-similarity = similarity
answer-link = about { $plant } (opens another website)

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

why = Which parts of the photo support this name?
why-picture = The photo as a heat map, with the colours explained below
why-caption =
    <span class="why-for">Orange</span> parts support { $first }, <span class="why-against">blue</span> parts support
    { $second }; a stronger colour means stronger support. DALIP only looked at this central square of the photo.

caution = <strong>Never eat a plant based on an identification.</strong> Do not give it to anyone or apply it to the
    skin, either. Photos can mislead, and look-alikes can be poisonous. No caution never means edible: DALIP does not
    know every harmful plant.
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
caution-alike = Caution: in photos it looks similar to { $plant }, which { $harm ->
    [deadly] can kill
    [skin] harms the skin
   *[poisonous] is poisonous
}: { $how }.
caution-confused = Caution: people confuse { $plant } with { $plants }, which { $harm ->
    [deadly] can kill
    [skin] { $number ->
        [one] harms
       *[other] harm
    } the skin
   *[poisonous] { $number ->
        [one] is
       *[other] are
    } poisonous
}.
caution-inside = Caution: the { $rank } { $above } contains plants that { $harm ->
    [deadly] can kill
    [skin] harm the skin
   *[poisonous] are poisonous
}, such as { $plants }.
caution-more = Caution: other harmful plants to think of: { $plants }.
