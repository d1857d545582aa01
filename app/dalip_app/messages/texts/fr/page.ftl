### Textes de la page en français.

language-name = Français
page-title = DALIP : identification de plantes
page-tagline = Identifiez des plantes à partir d’une photo, sur votre propre ordinateur
page-tagline-public = Identifiez des plantes à partir d’une photo
page-not-saved = Rien ne peut être enregistré (observations, photos de votre photothèque, plantes apprises) : { $cause }.
page-public =
    Cette page fonctionne sur un serveur, pas sur votre ordinateur. Vos photos sont supprimées dans les dix minutes.
    Vous seul pouvez voir votre carnet ; il est perdu si vous fermez ou rechargez la page, ou si vous changez de
    langue : exportez-le avant.
page-languages = Langues
page-flora = Flore à utiliser
flora-builtin = Flore intégrée

tab-identify = Identifier
tab-search = Chercher
tab-flora = Flore
tab-journal = Carnet
tab-about = À propos

## Prendre une photo

picker-plant = Une photo d’une plante
picker-alike = Ou trouver des photos semblables
picker-hint-several = Déposez ici jusqu’à cinq photos d’une même plante, collez-en une, ou
picker-hint-one = Déposez une photo ici, collez-en une, ou
picker-choose = Choisir une photo
picker-camera = Prendre une photo
picker-again = Une autre photo
picker-busy = Analyse de votre photo
picker-chosen = La photo que vous avez choisie
picker-too-many = { $most ->
    [one] Choisissez une seule photo.
   *[other] Choisissez au plus { $most } photos.
}
picker-too-large = Ce fichier est trop volumineux ; choisissez-en un plus petit.
picker-not-sent = La photo n’a pas pu être envoyée. DALIP fonctionne-t-il toujours ?

## Enregistrer une réponse

keep-title = Enregistrer dans votre carnet
keep-right = C’est bien cette plante
keep-later = Enregistrer pour plus tard
keep-other = C’est une autre plante
keep-other-hint = Saisissez une partie du nom et choisissez une plante, ou saisissez tout nom scientifique.
keep-other-button = Enregistrer sous ce nom
keep-details = Enregistrer aussi la date et le lieu indiqués dans la photo, le cas échéant
keep-nothing = Il n’y a encore rien à enregistrer.
keep-no-name = Choisissez ou saisissez d’abord un nom.
kept-right = Enregistré et confirmé.
kept-other = Enregistré sous le nom { $plant }.
kept-later = Enregistré pour plus tard.

## Rechercher

search-words = Décrivez les photos que vous cherchez (en anglais)
search-example = yellow iris
search-button = Chercher
search-filters = Filtres
search-any = indifférent
search-taxon = Espèce, genre ou famille
search-since = Du
search-until = Au
search-file-date = fichier du { $date }
search-verdict = Degré de certitude
search-none = Aucune photo ne correspond.
search-found = { $photos ->
    [0] Aucune photo ne correspond bien. Voici les plus proches.
    [one] { $photos } photo.
   *[other] { $photos } photos.
}
search-hidden = { $photos ->
    [one] { $photos } photo peu ressemblante est masquée.
   *[other] { $photos } photos peu ressemblantes sont masquées.
}
search-more = Afficher plus
search-closest = Afficher les photos peu ressemblantes
search-unnamed = pas encore identifiée
search-identify = Identifier la plante de { $file }
search-hit-gone = n’est plus lisible
verdict = { $verdict ->
    [sure] identification sûre
    [unsure] identification incertaine
    [not-in-flora] plante absente de cette flore
    [not-a-plant] pas une plante
   *[uncalibrated] flore non étalonnée
}
library-title = Vos dossiers
library-folder = Un dossier de photos sur cet ordinateur
library-folder-example = ~/Images/Jardin
library-add = Ajouter ou actualiser
library-no-folder = Indiquez d’abord un dossier.
library-all = vos dossiers
library-looking = Recherche de photos dans { $folder }
library-progress = Lecture des photos de { $folder } : { $done } sur { $total }
library-naming = Photos identifiées : { $done }
library-waiting = Ensuite : { $folders }
library-cancel = Arrêter
library-stopped = interrompu avant la fin
library-size = { $photos ->
    [0] Votre photothèque est vide. Ajoutez un dossier de photos.
    [one] { $photos } photo dans votre photothèque.
   *[other] { $photos } photos dans votre photothèque.
}
library-photos = { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
library-forget = Retirer
library-forgotten = { $folder } : retiré, avec { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}. Les fichiers eux-mêmes n’ont pas été supprimés.
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
    [not-photos] { $number ->
        [one] { $number } fichier qui n’est pas une photo
       *[other] { $number } fichiers qui ne sont pas des photos
    }
    [hidden-or-system] { $number ->
        [one] { $number } élément caché ou du système
       *[other] { $number } éléments cachés ou du système
    }
   *[unreadable] { $number ->
        [one] { $number } illisible
       *[other] { $number } illisibles
    }
}
library-empty-here = La photothèque est vide. On ne peut ajouter des dossiers que sur l’ordinateur où DALIP fonctionne.
library-nothing = Rien à faire
library-more-unreadable = { $number ->
    [one] et { $number } autre photo illisible
   *[other] et { $number } autres photos illisibles
}

## Flore

flora-find = Trouver une plante dans cette flore
flora-find-hint = Par nom scientifique, nom courant ou famille. Les petites fautes de frappe sont tolérées.
flora-find-example = coquelicot
flora-none = Aucune plante de cette flore ne correspond.
flora-found = { $plants ->
    [one] { $plants } plante.
   *[other] { $plants } plantes.
}
flora-found-more = { $plants } plantes, dont les { $shown } premières sont affichées.
flora-rank = Rang
flora-family = Famille
flora-order = Ordre
flora-names = Noms ({ $language })
flora-known-by = Apprise d’après
flora-evidence = { $texts ->
    [one] { $texts } description
   *[other] { $texts } descriptions
}, { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}
flora-taught = { $evidence }, ajoutée ensuite
flora-harm = Danger
flora-harm-known = { $harm ->
    [deadly] peut provoquer la mort
    [skin] peut léser la peau
   *[poisonous] est toxique
} : { $how } ({ $source })
flora-harm-unknown = aucun n’est connu de DALIP, ce qui ne veut pas dire que la plante est comestible
flora-own-photo = Votre photo de { $plant }
teach-title = Apprendre une plante à cette flore
teach-lesson =
    Trois à cinq photos et un nom suffisent ; aucun entraînement n’est nécessaire. Les autres plantes sont identifiées
    comme avant, sauf sur les photos qui ressemblent à la nouvelle plante.
teach-name = Nom scientifique
teach-common = Nom courant
teach-common-example = faux philodendron
teach-family = Famille
teach-rank = Rang
teach-photos = Photos de la plante
teach-button = Apprendre
teach-no-photos = Choisissez au moins une photo de la plante.
teach-photo = Photo { $number } : { $problem }
teach-forget = Oublier cette plante
taught = La flore connaît maintenant { $plant }, d’après { $photos ->
    [one] { $photos } photo
   *[other] { $photos } photos
}.
forgotten = La flore a oublié { $plant } et répond comme avant.

## Carnet

journal-order = Tri
journal-in-doubt = Les moins sûres d’abord
journal-newest = Les plus récentes d’abord
journal-export = Exporter
journal-import = Importer
journal-teach = Apprendre à la flore les plantes que j’ai nommées
journal-empty = Votre carnet est vide. Identifiez une photo et enregistrez-la ici.
journal-size = { $number ->
    [one] { $number } observation.
   *[other] { $number } observations.
}
journal-more = Afficher plus
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
journal-answered = réponse de DALIP : { $plant }
journal-unconfirmed = non confirmée
journal-imported = { $added ->
    [one] { $added } ajoutée
   *[other] { $added } ajoutées
}, { $there } déjà dans le carnet.
journal-not-used-more = { $number } autres n’ont pas été utilisées.
journal-nothing-to-teach = Rien à apprendre : la flore connaît déjà toutes les plantes que vous avez nommées.
journal-taught = La flore a appris ces plantes (nombre de vos photos) : { $plants }.

## À propos

about-title = À propos de DALIP
about-how =
    DALIP compare votre photo à chaque plante d’une <em>flore</em> : une liste de plantes avec leurs noms, des
    descriptions et, s’il y en a, des photos. Il vous donne les cinq plantes les plus proches.
about-where =
    Tout se passe sur l’ordinateur où DALIP fonctionne. Vos photos ne sont envoyées nulle part ailleurs. Elles sont
    supprimées dans les dix minutes, sauf celles que vous enregistrez dans votre carnet. Cette page ne charge rien
    depuis Internet ; les liens sous une réponse n’ouvrent d’autres sites que si vous cliquez dessus.
about-limits-title = Limites
about-limits =
    DALIP ne connaît que les plantes de sa flore. Il écarte la plupart des photos qui ne montrent pas de plante et une
    partie des photos d’autres plantes ; aux photos restantes, il donne le nom d’une plante ressemblante. Il ne
    voit qu’une photo, alors qu’un botaniste examine aussi la feuille, la tige, la fleur, le fruit et le lieu. Les
    plantes semblables sont souvent confondues.
about-terms = Le code est sous licence Apache 2.0 ; les poids ont leurs propres conditions, indiquées ci-dessus.
about-plants = Plantes que DALIP peut identifier
about-plants-of = { $plants }, réparties en { $families ->
    [one] { $families } famille
   *[other] { $families } familles
}
about-evidence = Données de référence
about-evidence-of = { $texts } descriptions et { $photos } photos
about-probabilities = Probabilités
about-calibrated = étalonnées sur { $photos } photos
about-uncalibrated = aucune ; cette flore n’a pas été étalonnée
about-encoder = Encodeur
about-trained-on = Entraîné sur
about-weights = Conditions d’utilisation des poids
about-not-recorded = non indiqué

## Erreurs

fault-of = { $source } : { $fault }
