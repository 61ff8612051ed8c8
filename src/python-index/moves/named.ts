import { Fault, isKey } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { normaliseName } from '../names/project-name.ts'
import { compareVersions, normaliseVersion } from '../names/version.ts'
import type { IndexBase } from '../publish/change.ts'
import { keyIn } from '../publish/layout.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'
import type { IndexRef, PrefixState } from '../records/state.ts'
import { readProjectOf } from './plan-move.ts'

/** As many names as a message holds. */
const shown = 12

/** Throws `not-found`, naming what is published, for a prefix that never was. */
export function publishedPrefix(ref: IndexRef | undefined, prefix: string): PrefixState {
  const prefixes = ref?.state.prefixes ?? {}
  const state = Object.hasOwn(prefixes, prefix) ? prefixes[prefix] : undefined
  if (state !== undefined) return state
  throw new Fault('not-found', `${prefix} was never published`, {
    hint: Object.keys(prefixes).length === 0 ? 'run: holdfast index publish' : `published are: ${some(Object.keys(prefixes).sort())}`,
  })
}

/** A prefix that is to be written: one of the configuration, or published already. Throws `not-found` for any other, which may be a slip. */
export function checkTarget({ environment }: IndexContext, { ref }: IndexBase, prefix: string): void {
  if (!isKey(keyIn(prefix, 'index.html'))) throw new Fault('invalid', `not a prefix: ${JSON.stringify(prefix)}`)
  const { prefixes, dependencies } = environment
  const targets = dependencies.flatMap(({ target }) => target ?? [])
  const known = [
    ...prefixes.flatMap((each) => [each, ...targets.map((target) => keyIn(each, target))]),
    ...Object.keys(ref?.state.prefixes ?? {}),
  ]
  if (prefixes.length === 0 || known.includes(prefix)) return
  throw new Fault('not-found', `${prefix} is no index of ${environment.name === 'default' ? 'the configuration' : environment.name}`, {
    hint: `add it to \`prefixes\`; there are: ${some([...new Set(known)].sort())}`,
  })
}

/** Throws `not-found`, naming some that there are. */
export async function publishedProject({ ref, projects, outbox }: IndexBase, prefix: string, project: string): Promise<ProjectRecord> {
  publishedPrefix(ref, prefix)
  const name = normaliseName(project)
  const all = await projects(prefix)
  const record = await readProjectOf(outbox, all, name)
  if (record !== undefined) return record
  throw new Fault('not-found', `${prefix} has no project ${name}`, { hint: `it has: ${some(Object.keys(all).sort())}` })
}

/** Throws `invalid` for what is no version. */
export function versionOf(text: string): string {
  const version = normaliseVersion(text)
  if (version !== undefined) return version
  throw new Fault('invalid', `not a version (PEP 440): ${JSON.stringify(text.slice(0, 200))}`)
}

export function withVersion<T extends Pick<PublishedFile, 'version'>>(files: readonly T[], version: string): T[] {
  return files.filter((file) => compareVersions(file.version, version) === 0)
}

export function some(names: readonly string[]): string {
  const rest = names.length - shown
  return rest > 0 ? `${names.slice(0, shown).join(', ')} and ${rest} others` : names.join(', ')
}
