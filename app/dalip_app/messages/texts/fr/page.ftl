### Ce que dit la page, en français.

language-name = Français
page-title = DALIP : des noms pour les plantes
page-tagline = Le nom des plantes, d’après une photo, sur votre propre ordinateur
page-tagline-public = Le nom des plantes, d’après une photo
page-public =
    C’est un serveur qui répond à cette page, non votre propre ordinateur. Il efface vos photos dans les dix minutes.
    Ce que vous gardez dans le carnet, vous seul le voyez, et il disparaît quand vous fermez ou rechargez la page, ou changez de langue :
    exportez-le avant.
page-languages = Langues
page-flora = Flore qui répond
flora-builtin = Flore fournie

tab-identify = Identifier
tab-search = Chercher
tab-flora = Flore
tab-journal = Carnet
tab-about = À propos

## Prendre une photo

picker-plant = Une photo d’une plante
picker-alike = Ou trouver ce qui ressemble à une photo
picker-hint-several = Déposez ici jusqu’à cinq photos d’une même plante, collez-en une, ou
picker-hint-one = Déposez ici un fichier, collez-en un, ou
picker-choose = Choisir une photo
picker-camera = Prendre une photo
picker-again = Une autre photo
picker-busy = Examen de votre photo
picker-chosen = La photo que vous avez choisie
picker-too-many = { $most ->
    [one] Choisissez une seule photo.
   *[other] Choisissez { $most } photos au plus.
}
picker-too-large = Ce fichier est trop gros ; choisissez-en un plus petit.
picker-not-sent = La photo n’a pas pu être envoyée ; DALIP est-il toujours en marche ?

## La réponse

answer-awaited = Cinq noms probables apparaîtront ici.
answer-advice =
    C’est une fleur ou une feuille nette, à la lumière du jour et remplissant presque toute la photo, qui est le mieux
    reconnue.
answer-sure = C’est très probablement { $plant }.
answer-above = C’est très probablement une plante { $rank ->
    [genus] du genre
    [family] de la famille
    [order] de l’ordre
   *[species] de l’espèce
} { $above }, peut-être { $plant }.
answer-unsure = Je n’en suis pas certain ; c’est peut-être { $plant }.
answer-not-in-flora = Cela semble être une plante absente de cette flore ; la plus proche qui s’y trouve est { $plant }.
answer-not-a-plant = Cela ne ressemble pas à une photo de plante. Si c’en est une, la plus proche est { $plant }.
answer-uncalibrated = La plus proche dans cette flore est { $plant }.
answer-none = Cette flore n’a pas de nom pour elle.
answer-set = C’est l’une de ces { $number } plantes (juste pour { $share } des photos) : { $plants } ou { $last }.
answer-alike = Les photos de { $plant } ressemblent surtout à celles de { $others }.
answer-calibrated-meaning =
    Les pourcentages supposent que la plante est l’une des { $plants } de cette flore, et valent pour des photos
    semblables à celles qui ont servi à l’étalonner.
answer-uncalibrated-meaning =
    Les scores sont des similitudes : 1 est la plus grande possible. Ce ne sont pas des probabilités, car cette flore
    n’a pas été étalonnée.
answer-probability = probabilité
answer-similarity = similitude
answer-link = à propos de { $plant }, ouvre un autre site

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

why = Quelles parties de la photo plaident pour ce nom ?
why-picture = La photo, ses parties colorées comme indiqué dessous
why-caption =
    Les parties <span class="why-for">orange</span> plaident pour { $first }, les
    <span class="why-against">bleues</span> pour { $second } ; plus la couleur est forte, plus elles comptent. Seul ce
    carré central a été examiné.

caution = <strong>Un nom n’est pas un conseil.</strong> Une photo peut tromper, et un sosie être toxique. Ne mangez, ne
    donnez et n’appliquez jamais une plante à cause d’une réponse de cette page.
caution-first = Attention : { $plant } { $harm ->
    [deadly] peut tuer
    [skin] blesse la peau
   *[poisonous] est toxique
} : { $how }.
caution-likely = Attention : c’est peut-être { $plant }, qui { $harm ->
    [deadly] peut tuer
    [skin] blesse la peau
   *[poisonous] est toxique
} : { $how }.
caution-alike = Attention : ses photos ressemblent à celles de { $plant }, qui { $harm ->
    [deadly] peut tuer
    [skin] blesse la peau
   *[poisonous] est toxique
} : { $how }.

## Garder une réponse

keep-title = La garder dans votre carnet
keep-right = C’est juste
keep-later = Garder pour plus tard
keep-other = C’est autre chose
keep-other-hint = Choisissez une plante, ou écrivez son nom scientifique.
keep-other-button = Garder sous ce nom
keep-details = Garder aussi la date et le lieu de la photo, si elle les indique
keep-nothing = Il n’y a encore rien à garder.
keep-no-name = Choisissez ou écrivez d’abord un nom.
kept-right = Enregistré et confirmé.
kept-other = Enregistré sous le nom que vous avez donné.
kept-later = Enregistré pour plus tard.

## Chercher

search-words = Chercher vos photos avec des mots (en anglais)
search-example = yellow iris
search-button = Chercher
search-filters = Seulement certaines
search-any = peu importe
search-taxon = Espèce, genre ou famille
search-since = Du
search-until = Au
search-file-date = fichier du { $date }
search-verdict = Sûreté du nom
search-none = Aucune photo n’est ainsi.
search-found = { $photos ->
    [0] Aucune photo ne convient bien. Voici les plus proches.
    [one] { $photos } photo.
   *[other] { $photos } photos.
}
search-hidden = { $photos ->
    [one] { $photos } qui ne convient guère est masquée.
   *[other] { $photos } qui ne conviennent guère sont masquées.
}
search-more = En montrer plus
search-closest = Montrer aussi celles qui ne conviennent guère
search-unnamed = pas encore nommée
search-identify = Nommer la plante de { $file }
search-hit-gone = ne peut plus être lue
verdict = { $verdict ->
    [sure] sûr
    [unsure] incertain
    [not-in-flora] absente de cette flore
    [not-a-plant] pas une plante
   *[uncalibrated] non étalonné
}
library-title = Vos dossiers
library-folder = Un dossier de photos de cet ordinateur
library-folder-example = ~/Images/Jardin
library-add = Ajouter ou actualiser
library-no-folder = Indiquez d’abord un dossier.
library-all = vos dossiers
library-looking = Recherche de photos : { $folder }
library-progress = Photos : { $done } sur { $total } dans { $folder }
library-naming = Photos nommées : { $done }
library-waiting = Ensuite : { $folders }
library-cancel = Arrêter
library-stopped = arrêté avant la fin
library-size = { $photos ->
    [0] Votre photothèque est vide : ajoutez un dossier de photos.
    [one] { $photos } photo dans votre photothèque.
   *[other] { $photos } photos dans votre photothèque.
}
library-photos = { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
library-forget = Oublier
library-forgotten = { $folder } : oublié, avec { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}. Les photos elles-mêmes sont restées à leur place.
library-report = { $what ->
    [added] { $number ->
        [one] { $number } ajoutée
       *[other] { $number } ajoutées
    }
    [changed] { $number ->
        [one] { $number } modifiée
       *[other] { $number } modifiées
    }
    [moved] { $number ->
        [one] { $number } déplacée
       *[other] { $number } déplacées
    }
    [removed] { $number ->
        [one] { $number } disparue
       *[other] { $number } disparues
    }
    [unchanged] { $number ->
        [one] { $number } inchangée
       *[other] { $number } inchangées
    }
   *[unreadable] { $number ->
        [one] { $number } illisible
       *[other] { $number } illisibles
    }
}
library-empty-here = La photothèque est vide. Les dossiers s’ajoutent sur l’ordinateur où elle se trouve.
library-nothing = Rien à faire
library-more-unreadable = et { $number } autres qui ne peuvent être lues

## Flore

flora-find = Trouver une plante de cette flore
flora-find-hint = Par un nom scientifique ou courant, ou une famille. Les fautes de frappe sont pardonnées.
flora-find-example = coquelicot
flora-none = Aucune plante de cette flore ne porte ce nom.
flora-found = { $plants ->
    [one] { $plants } plante.
   *[other] { $plants } plantes.
}
flora-found-more = { $plants } plantes, dont voici les { $shown } premières.
flora-rank = Rang
flora-family = Famille
flora-order = Ordre
flora-names = Noms ({ $language })
flora-known-by = Connue par
flora-evidence = { $texts ->
    [one] { $texts } texte
   *[other] { $texts } textes
}, { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
flora-taught = { $evidence }, apprise après coup
flora-harm = Danger
flora-own-photo = Votre photo de { $plant }
teach-title = Lui apprendre une plante
teach-lesson =
    Trois à cinq photos et un nom suffisent, sans entraînement. Les autres plantes sont nommées comme avant, sauf sur
    les photos qui ressemblent à la nouvelle.
teach-name = Nom scientifique
teach-common = Nom courant
teach-common-example = faux philodendron
teach-family = Famille
teach-rank = Rang
teach-photos = Photos de la plante
teach-button = Apprendre
teach-no-photos = Choisissez-en au moins une photo.
teach-photo = Photo { $number } : { $problem }
teach-forget = Oublier ce nom
taught = La flore connaît maintenant { $plant }, par { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}.
forgotten = La flore a oublié { $plant }, et répond comme avant.

## Carnet

journal-order = Ordre
journal-in-doubt = Les douteuses d’abord
journal-newest = Les récentes d’abord
journal-export = Exporter
journal-import = Importer
journal-teach = Apprendre à la flore les plantes que j’ai nommées
journal-empty = Votre carnet est vide : identifiez une photo, et gardez-la.
journal-size = { $number ->
    [one] { $number } observation.
   *[other] { $number } observations.
}
journal-more = En montrer plus
journal-change = Modifier { $plant }
journal-name = Nom
journal-date = Date
journal-notes = Notes
journal-save = Enregistrer
journal-delete = Supprimer
journal-saved = { $plant } : enregistrée.
journal-deleted = { $plant } : supprimée.
journal-photo = Votre photo de { $plant }
journal-confirmed = confirmée
journal-answered = réponse : { $plant }
journal-unconfirmed = non confirmée
journal-imported = { $added ->
    [one] { $added } ajoutée
   *[other] { $added } ajoutées
}, { $there } déjà là.
journal-nothing-to-teach = Rien à apprendre : ce que vous avez nommé n’apporte rien de nouveau à la flore.
journal-taught = La flore connaît maintenant, par autant de vos photos : { $plants }.

## À propos

about-title = À propos de DALIP
about-how =
    DALIP compare votre photo à chaque plante d’une <em>flore</em> : une liste de plantes, chacune avec ses noms, des
    textes qui la décrivent et, s’il y en a, des photos. Les cinq plus proches sont votre réponse.
about-where =
    Tout se passe sur l’ordinateur qui fait tourner DALIP. Vos photos ne sont envoyées nulle part ailleurs et sont
    effacées dans les dix minutes, sauf si vous en gardez une dans votre carnet, et cette page ne charge rien
    d’Internet. Les liens sous une réponse n’ouvrent d’autres sites que si vous les suivez.
about-limits-title = Ce qu’il ne sait pas faire
about-limits =
    Il ne connaît que les plantes de sa flore. Il reconnaît comme telles la plupart des photos d’autres choses, et
    quelques-unes d’autres plantes ; le reste reçoit le nom d’une plante qui lui ressemble. Il regarde une photo, là où
    un botaniste regarde la feuille, la tige, la fleur, le fruit et le lieu. Les plantes qui se ressemblent sont mal
    distinguées.
about-terms = Le code est sous licence Apache 2.0 ; les poids ont leurs propres conditions, indiquées ci-dessus.
about-plants = Plantes qu’il peut nommer
about-plants-of = { $plants }, de { $families ->
    [one] { $families } famille
   *[other] { $families } familles
}
about-evidence = Connaissances
about-evidence-of = { $texts } textes et { $photos } photos
about-probabilities = Probabilités
about-calibrated = étalonnées sur { $photos } photos mises de côté pour cela
about-uncalibrated = aucune ; cette flore n’a pas été étalonnée
about-encoder = Encodeur
about-trained-on = Entraîné sur
about-weights = Conditions des poids
about-not-recorded = non indiqué

## Erreurs

fault-of = { $source } : { $fault }
