/** Ids that own nothing on Debian: `nobody` and `nogroup`. */
export const nobody = 65_534

/** Why a test that needs root cannot run, or false. */
export const needsRoot = process.geteuid?.() === 0 ? false : 'only root may do this'

/**
 * Runs something as a user without any privilege: the kernel drops root's capabilities with its effective id, and gives
 * them back after. It must not wait for anything, since all of the process is that user meanwhile.
 */
export function asNobody<T>(act: () => T): T {
  const groups = process.getgroups!()
  process.setgroups!([])
  process.setegid!(nobody)
  process.seteuid!(nobody)
  try {
    return act()
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
    process.setgroups!(groups)
  }
}
