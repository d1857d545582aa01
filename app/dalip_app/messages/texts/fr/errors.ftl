### Erreurs : des phrases sans majuscule ni point, affichées seules ou après ce dont il s’agit. Ce sont celles que la page
### montre ; les autres s’affichent en anglais.

# Photos
error-image-empty = ce fichier est vide ; copiez-le ou téléchargez-le à nouveau
error-image-too-large = cette photo fait { $width } x { $height } pixels, plus que la limite de { $million } millions ; réduisez-la
error-image-costly = décoder ce fichier { $format } de { $width } x { $height } pixels demande { $needed } Mo de mémoire, plus que la limite de { $limit } Mo ; réduisez la photo ou enregistrez-la en JPEG ordinaire
error-image-slow = le décodage de cette photo a pris plus de { $seconds } secondes ; réduisez-la ou enregistrez-la en JPEG ordinaire
error-image-crashed = cette photo a fait planter son décodeur ; enregistrez-la en JPEG ordinaire
error-image-busy = le serveur traite déjà d’autres grandes photos ; réessayez bientôt ou utilisez une photo plus petite
error-image-preview-only = seul un aperçu de { $width } x { $height } pixels est lisible dans ce fichier, pas la photo de { $full_width } x { $full_height } ; pour une meilleure réponse, exportez la photo en JPEG
error-image-unknown = ce fichier n’est pas une image dans un format pris en charge ; utilisez { $readable }
error-image-unsupported = la version installée de Pillow ne lit pas ce format d’image ({ $plugin }) ; mettez Pillow à jour
error-image-damaged = ce fichier est endommagé ou tronqué ; copiez-le ou téléchargez-le à nouveau
error-image-memory = il n’y a pas assez de mémoire pour cette photo ; réduisez-la
error-image-mode = le mode de couleurs { $mode } n’est pas pris en charge ; enregistrez la photo en RVB
error-image-no-pixels = une image de { $width } x { $height } n’a aucun pixel ; utilisez-en une autre
error-image-format = cette photo est dans un format qui ne peut pas être lu ({ $format }) ; exportez-la dans l’un de ceux-ci : { $readable }
error-photo-file-too-large = le fichier dépasse { $million } Mo, la limite pour une photo ; réduisez-la
error-image-missing = ce fichier n’existe pas ; vérifiez le chemin
error-image-folder = c’est un dossier, pas une photo ; choisissez un fichier qu’il contient
error-image-pipe = c’est un tube ou un périphérique, pas un fichier ; enregistrez d’abord la photo dans un fichier
error-image-not-opened = impossible d’ouvrir ce fichier ({ $cause }) ; vérifiez son chemin et ses autorisations
error-image-not-read = impossible de lire cette photo ({ $cause })
error-photo-not-read = impossible de lire cette photo ({ $cause }) ; vérifiez le fichier et ses autorisations
error-upload-number = choisissez de 1 à { $most } photos
error-upload-gone = la photo n’est plus disponible ; choisissez-la à nouveau

# Photothèque
error-library-empty = la photothèque est vide ; ajoutez un dossier de photos ci-dessous
error-library-other-encoder = la photothèque a été créée avec un autre encodeur ; ajoutez ou actualisez l’un de ses dossiers
error-library-busy = un autre processus adapte la photothèque à un autre encodeur ; attendez qu’il ait terminé
error-no-words = la recherche est vide ; décrivez ce que montrent les photos
error-no-folder = ce dossier n’existe pas ; choisissez un dossier de photos
error-folder-without-photos = ce dossier ne contient aucune photo ; formats recherchés : { $readable }
error-folder-unknown = ce dossier ne fait pas partie de la photothèque ; consultez la liste des dossiers
error-folder-inside = ce dossier se trouve dans { $above }, qui fait aussi partie de la photothèque ; retirez d’abord ce dernier
error-folder-not-listed = impossible de lire le contenu de ce dossier ({ $cause }) ; vérifiez ses autorisations
error-folder-too-deep = le chemin de ce dossier est plus long que ce système ne le permet ; déplacez le dossier plus haut ou raccourcissez les noms des dossiers qui le contiennent
error-folder-absent = ce dossier est introuvable ; ses photos restent dans la photothèque jusqu’à ce que vous le retiriez
error-name-not-utf8 = le nom du fichier n’est pas en UTF-8 valide ; renommez le fichier
error-file-changing = ce fichier change pendant sa lecture ; ajoutez de nouveau le dossier quand rien n’écrit plus dans ce fichier
error-file-not-read = impossible de lire ce fichier ({ $cause }) ; vérifiez ses autorisations
error-no-day = { $date } n’est pas une date ; utilisez la forme 2024-05-31, 2024-05 ou 2024
error-day-order = le premier jour, { $since }, vient après le dernier, { $until } ; inversez-les
error-unexpected-error = une erreur inattendue s’est produite : { $name } ({ $cause }) ; merci de la signaler

# Flore
error-no-name = un taxon doit avoir un nom scientifique ; saisissez-le d’abord
error-name-malformed = { $name } n’est pas un nom scientifique valide : il compte { $length } caractères ou en contient qui ne sont pas imprimables ; utilisez au plus { $most } caractères imprimables
error-name-too-long = le nom { $name }… compte { $length } caractères, trop pour un nom ; utilisez-en au plus { $most }
error-name-unprintable = le nom { $name } contient des caractères de contrôle ; saisissez-le à nouveau
error-name-doubtful = le nom « { $name } » est marqué comme douteux et peut désigner { $candidates } ; écrivez le nom sans cette marque, ou celui de son genre
error-name-ambiguous = le nom « { $name } » peut désigner { $candidates } ; écrivez celui qui convient
error-name-unknown = { $number ->
    [0] le nom « { $name } » n’est pas dans la liste ; vérifiez l’orthographe
   *[other] le nom « { $name } » n’est pas dans la liste, mais ressemble à { $candidates } ; vérifiez l’orthographe
}
error-name-absent = « { $name } » dit qu’il n’y a pas de nom ; écrivez un nom scientifique tel que Rosa canina
error-name-formula = « { $name } » est une formule d’hybride, pas le nom d’un taxon ; écrivez le nom de l’hybride, par exemple Salix × rubens
error-name-not-scientific = « { $name } » n’est pas le nom scientifique d’une plante ; écrivez-en un, tel que Rosa canina
error-name-read-as = « { $name } » est lu comme { $taxon }{ $how ->
    [spelling] {" "}(orthographe)
    [synonym] {" "}(synonyme)
   *[other] {""}
}{ $dropped ->
    [none] {""}
   *[other] , sans { $dropped }
}
error-rank-unknown = le rang { $rank } est inconnu ; utilisez l’un des suivants : { $ranks }
error-contradiction = { $rank ->
    [genus] le genre
    [family] la famille
   *[other] le taxon
} { $name } est dans { $one } selon { $plant }, mais dans { $other } selon { $given } ; corrigez l’une de ces deux indications
error-known-already = la flore contient déjà { $plant } ; si vous lui avez appris cette plante, utilisez d’abord « Oublier cette plante »
error-not-taught = la flore n’a appris aucune plante de ce nom : { $plant }
error-taxon-not-held = la flore ne contient pas ce taxon ; cherchez-le dans la liste des plantes
error-taxon-held-as = la flore le contient sous le nom { $held } ; utilisez ce nom
error-taxon-not-taught = la flore ne contient pas ce taxon ; plantes apprises : { $number ->
    [0] aucune
   *[other] { $taught }
}
error-no-photo-readable = aucune des photos de { $plant } n’est lisible ; choisissez-en au moins une qui le soit
error-kept-photo-damaged = impossible de lire la copie conservée ({ $cause }) ; retirez-la avec `dalip index remove --photo { $key }`
error-photo-kept-under-other-name = c’est la même photo que { $other }, conservée sous le nom { $plant }, et non { $given } ; retirez d’abord la photo conservée avec `dalip index remove --flora { $flora } --photo { $key }`
error-photos-not-kept = la flore ne conserve pas ses photos, nécessaires à cette modification ; reconstruisez-la, ou apprenez-lui de nouvelles plantes
error-flora-busy = { $holder ->
    [0] un autre processus
   *[other] le processus { NUMBER($holder, useGrouping: 0) }
} modifie cette flore ; attendez qu’il ait terminé
error-flora-not-written = impossible d’écrire la flore : { $cause }

# Carnet
error-observation-gone = cette observation n’existe plus
error-visit-full = cette visite a enregistré tout ce qu’elle peut ; exportez le carnet et supprimez des observations
error-no-journal = il n’y a pas encore de carnet ; enregistrez d’abord une réponse
error-verdict-unknown = { $verdict } n’est pas un verdict ; utilisez l’un des suivants : { $known }
error-place-by-half = un lieu demande à la fois une latitude et une longitude ; indiquez les deux ou aucune
error-no-date = { $date } n’est pas une date ; utilisez la forme 2026-05-31 ou 2026-05-31T14:30
error-observation-unusable = l’observation { $id } est inutilisable ({ $cause }) ; elle a été laissée de côté
error-observation-differs = l’observation { $id } est déjà dans le carnet avec un autre contenu, qui a été gardé
error-photos-of-no-observation = il n’y a pas d’observation { $id } ; ses photos ({ $number }) ont été laissées de côté
error-no-journal-file = rien n’a été importé, car ce fichier ne peut pas être lu comme un carnet ({ $cause }) ; choisissez un fichier .zip, .csv ou .json exporté d’un carnet
error-journal-form = le nom d’un fichier de carnet doit se terminer par .zip, .csv ou .json ; utilisez l’une de ces extensions
error-journal-no-regular-file = c’est un dossier, un tube ou un périphérique, pas un fichier
error-journal-not-written = impossible d’écrire l’export : { $cause }
error-journal-not-json = ce n’est pas le JSON d’un carnet exporté : { $cause }
error-journal-not-utf8 = le texte n’est pas en UTF-8 ; enregistrez le tableau en UTF-8
error-journal-row-no-object = un objet JSON avec les champs d’une observation est attendu
error-journal-row-malformed = les guillemets à l’intérieur d’une cellule doivent être doublés
error-journal-row-too-long = la ligne dépasse { $most } caractères ; il manque peut-être un guillemet fermant
error-journal-row-cells = la ligne a { $cells } cellules, mais le tableau a { $columns } colonnes
error-journal-no-archive = l’archive .zip est endommagée : { $cause }
error-journal-member-missing = l’archive ne contient pas { $name }
error-journal-member-damaged = impossible d’extraire ce fichier de l’archive ({ $cause })
error-journal-member-form = ce fichier de l’archive est chiffré ou compressé d’une manière inhabituelle ; refaites l’archive sans cela
error-journal-member-too-large = ce fichier dépasse { $million } Mo
error-journal-directory-too-large = la liste des fichiers de l’archive dépasse { $million } Mo
error-journal-too-large = les photos dépassent { $million } Mo une fois décompressées ; importez-les en plusieurs fichiers
error-journal-too-many = il y a plus de { $most } lignes ; importez-les en plusieurs fichiers
error-journal-too-many-photos = une observation a plus de { $most } photos ; retirez-en
error-journal-too-slow = l’importation a duré plus de { $seconds } secondes ; importez les observations en plusieurs fichiers
error-journal-full = les observations et les photos prennent plus de { $million } Mo dans le carnet ; importez-en moins
error-journal-field-missing = ce champ est absent
error-journal-value-no-text = du texte est attendu, et non { $value }
error-journal-value-no-number = un nombre de { $low } à { $high } est attendu, et non { $value }
error-journal-value-unknown = l’une des valeurs { $known } est attendue, et non { $value }
error-journal-text-empty = du texte est attendu, mais ce champ est vide
error-journal-text-too-long = le texte compte { $length } caractères ; utilisez-en au plus { $most }
error-journal-text-not-unicode = le texte contient un caractère nul ou un demi-caractère Unicode ; retirez-le
error-journal-remarks = ce n’est pas ce que DALIP y écrit : { $cause }

# Disque
error-disk-full = le disque de { $folder } est plein ({ $free } Mo libres) ; libérez de l’espace, ou choisissez un dossier sur un autre disque
error-disk-quota = votre quota de disque pour { $folder } est épuisé ; supprimez des fichiers, ou choisissez un dossier sur un autre disque
error-disk-read-only = le système de fichiers de { $folder } est en lecture seule ; choisissez un autre dossier, ou rendez-le inscriptible
error-disk-denied = vous n’avez pas le droit d’écrire dans { $folder } ; modifiez ses autorisations, ou choisissez un autre dossier
error-file-size-limit = un fichier dans { $folder } dépasserait la taille maximale de ce processus ou de ce disque ; augmentez la limite (ulimit -f), ou choisissez un dossier sur un autre disque
error-write-failed = impossible d’écrire { $path } ({ $cause }) ; vérifiez le disque et le dossier

# Fichiers
error-link-to-nothing = ce lien est rompu : le fichier vers lequel il pointe n’existe pas ; rétablissez le fichier ou supprimez le lien
error-files-not-photos = { $number ->
    [one] un fichier n’est pas une photo
   *[other] { $number } fichiers ne sont pas des photos
} ({ $kinds })
error-files-hidden = { $number ->
    [one] un fichier ou dossier caché ou du système a été laissé de côté
   *[other] { $number } fichiers et dossiers cachés ou du système ont été laissés de côté
}
error-file-not-photo = ce fichier n’est pas une photo
error-file-hidden = c’est un fichier ou un dossier caché ou du système ; il a été laissé de côté
error-link-to-parent = ce lien mène à un dossier qui contient le lien ; supprimez le lien ou choisissez ce dossier
error-link-to-folder = c’est un lien vers un dossier, et ces liens ne sont pas suivis ; copiez le dossier ici
error-data-folder-not-written = impossible d’écrire dans le dossier de données : { $cause } (voir --data-dir)
error-database-newer = la base de données est en version { NUMBER($version, useGrouping: 0) }, mais cette version de DALIP n’accepte que les versions jusqu’à { NUMBER($known, useGrouping: 0) } ; mettez DALIP à jour
error-database-busy = { $holder ->
    [0] un autre processus
   *[other] le processus { NUMBER($holder, useGrouping: 0) }
} écrit dans la base de données depuis plus de { NUMBER($waited, useGrouping: 0) } secondes ; attendez qu’il ait terminé, ou arrêtez-le
error-database-not-used = impossible d’utiliser la base de données ({ $cause }) ; vérifiez les autorisations du fichier et de son dossier
error-database-not-read = impossible de lire la base de données, car une modification a été interrompue et ne peut pas être terminée ici : { $cause } ; ou copiez son dossier sur un disque qui a de la place
error-database-not-written = rien ne peut être enregistré ici : { $cause }
error-database-not-copied = impossible d’écrire cette copie de sauvegarde de { $size } Mo, que DALIP fait avant de mettre à niveau la base de données : { $cause }
error-database-damaged = la base de données est endommagée ({ $cause }) ; { $holds ->
    [journal] déplacez le fichier et importez votre dernier export
    [regions] supprimez le fichier et ajoutez à nouveau vos fichiers avec `dalip region add`
   *[library] supprimez le fichier et ajoutez à nouveau vos dossiers
}
