### What is wrong with floras.

error-contradiction = the { $rank } { $name } is in { $one } by { $plant } and in { $other } by { $given }; correct one of them
error-known-already = the flora holds { $plant } already; if it was taught, { $medium ->
    [page] let it forget the name first
   *[command] remove it first to teach it again
}
error-no-photo-readable = none of the photos of { $plant } can be read; { $medium ->
    [page] choose
   *[command] name
} at least one that can
error-not-taught = the flora was not taught a plant of this name: { $plant }
error-photo-kept-under-other-name = this is the same photo as { $other }, which shows { $plant }, not { $given }; take the kept one out first, with `dalip index remove --flora { $flora } --photo { $key }`
error-photo-under-two-names = this is the same photo as { $other }, which shows { $plant }, not { $given }; correct one of the names; both are left out
error-pack-damaged = { $cause }; build the flora again
error-kept-photo-damaged = the copy cannot be read ({ $cause }); take it out with `dalip index remove --photo { $key }`
error-own-flora-stale = the flora that you taught cannot be used with this DALIP; `dalip index rebuild` moves what you taught it; or else delete or rename that folder
error-builtin-flora-fixed = the built-in flora stays as it is; leave --flora out, and your copy learns
