### Textes d’une réponse en français, sur la page et dans le terminal.

answer-awaited = Les cinq noms les plus probables s’afficheront ici.
answer-advice =
    Pour un meilleur résultat, prenez une photo nette, à la lumière du jour, où une fleur ou une feuille occupe presque
    toute l’image.
answer-sure = Il s’agit très probablement de { $plant }.
answer-above = Il s’agit très probablement d’une plante { $rank ->
    [genus] du genre
    [family] de la famille
    [order] de l’ordre
   *[species] de l’espèce
} { $above } ({ $share }), peut-être { $plant }.
answer-unsure = DALIP n’en est pas certain ; il s’agit peut-être de { $plant }.
answer-not-in-flora = Cette plante ne semble pas figurer dans la flore ; la plus proche est { $plant }.
answer-not-a-plant = Cela ne ressemble pas à une photo de plante. Si c’en est une, la plante la plus proche est { $plant }.
answer-uncalibrated = La plante la plus proche dans cette flore est { $plant }.
answer-uncalibrated-region = La plante qui convient le mieux pour la région est { $plant }.
answer-none = Cette flore n’a pas de nom pour cette plante.
answer-set = C’est l’une de ces { $number } plantes (exact pour { $share } des photos{ $regional ->
    [1] {" "}de plantes de la région
   *[0] {""}
}) : { $plants } ou { $last }.
answer-set-groups = C’est l’un de ces { $number } taxons, ou une plante qui en fait partie (exact pour { $share } des photos{ $regional ->
    [1] {" "}de plantes de la région
   *[0] {""}
}) : { $plants } ou { $last }.
answer-region = Région { $region }, avec { $taxa ->
    [1] 1 plante de la flore
   *[other] { $taxa } plantes de la flore
}.
answer-region-changed = Sans la région, le premier nom serait { $plant } ({ $share }).
answer-region-made-sure = Sans la région, le premier nom serait le même, mais DALIP n’en serait pas certain.
answer-region-made-unsure = Sans la région, le premier nom serait le même, et DALIP en serait certain.
answer-region-same = Sans la région, le premier nom serait le même ({ $share }).
answer-region-outside = pas connue dans la région
answer-alike = Les photos de { $plant } ressemblent surtout à celles de { $others }.
answer-calibrated-meaning =
    Les pourcentages supposent que la plante est l’une des { $plants } de cette flore et que la photo est semblable à
    celles qui ont servi à l’étalonnage.
answer-uncalibrated-meaning =
    Les scores sont des similarités ; la valeur maximale est 1. Ce ne sont pas des probabilités, car cette flore n’a pas
    été étalonnée.
answer-probability = probabilité
answer-similarity = similarité
answer-link = à propos de { $plant } (ouvre un autre site)

rank = { $rank ->
    [order] ordre
    [family] famille
    [genus] genre
    [species] espèce
    [subspecies] sous-espèce
    [variety] variété
    [form] forme
   *[cultivar] cultivar
}

why = Quelles parties de la photo plaident en faveur de ce nom ?
why-picture = La photo sous forme de carte de chaleur, dont les couleurs sont expliquées ci-dessous
why-caption =
    Les parties <span class="why-for">orange</span> plaident en faveur de { $first }, les parties
    <span class="why-against">bleues</span> en faveur de { $second } ; plus la couleur est vive, plus la partie compte.
    DALIP n’a examiné que ce carré central de la photo.

caution = <strong>Ne mangez jamais une plante sur la foi d’une identification.</strong> N’en donnez à personne et
    ne l’appliquez pas non plus sur la peau. Une photo peut être trompeuse, et une plante semblable peut être toxique.
    L’absence d’avertissement ne veut jamais dire comestible : DALIP ne connaît pas toutes les plantes dangereuses.
caution-first = Attention : { $plant } { $harm ->
    [deadly] peut provoquer la mort
    [skin] peut léser la peau
   *[poisonous] est toxique
} : { $how }.
caution-likely = Attention : il s’agit peut-être de { $plant }, qui { $harm ->
    [deadly] peut provoquer la mort
    [skin] peut léser la peau
   *[poisonous] est toxique
} : { $how }.
caution-alike = Attention : en photo, la plante ressemble à { $plant }, qui { $harm ->
    [deadly] peut provoquer la mort
    [skin] peut léser la peau
   *[poisonous] est toxique
} : { $how }.
caution-confused = Attention : on confond { $plant } avec { $plants }, qui { $harm ->
    [deadly] { $number ->
        [one] peut
       *[other] peuvent
    } provoquer la mort
    [skin] { $number ->
        [one] peut
       *[other] peuvent
    } léser la peau
   *[poisonous] { $number ->
        [one] est toxique
       *[other] sont toxiques
    }
}.
caution-inside = Attention : { $rank ->
    [genus] le genre
    [family] la famille
   *[order] l’ordre
} { $above } comprend des plantes qui { $harm ->
    [deadly] peuvent provoquer la mort
    [skin] peuvent léser la peau
   *[poisonous] sont toxiques
}, par exemple { $plants }.
caution-more = Attention, autres plantes dangereuses auxquelles penser : { $plants }.
