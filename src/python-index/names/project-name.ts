import { Fault } from '../../kit/index.ts'

/** Characters of a project's name; PEP 508 sets none, a key's segment can hold no more. */
const maxName = 200
const form = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/

/** The one spelling of a project's name (PEP 503): `Foo._Bar` is `foo-bar`. Throws `invalid` for what is no name (PEP 508). */
export function normaliseName(name: string): string {
  if (!isProjectName(name)) {
    throw new Fault('invalid', `not a project's name: ${JSON.stringify(name.slice(0, maxName))}`, {
      hint: 'letters, digits, and between them . _ -',
    })
  }
  return squash(name)
}

export function isProjectName(name: string): boolean {
  return name.length <= maxName && form.test(name)
}

/** As `normaliseName`, for names of extras in comparisons (PEP 685), where anything may stand. */
export function squash(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase()
}
