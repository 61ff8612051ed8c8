import { Option } from 'commander'
import { Fault, mapBounded } from '../../kit/index.ts'
import { type Candidate, filesOfProject, findMissing, parsePythons } from '../../python-index/index.ts'
import { parsedOption } from '../command.ts'

export interface ClosureFlags {
  readonly closure?: boolean
  readonly python: readonly string[]
  readonly platform: readonly string[]
}

/** Is everything installable from the index alone? */
export function closureOptions(what: string): Option[] {
  return [
    new Option('--closure', what),
    parsedOption('--python <versions>', 'with --closure: 3.11, a list, or a range such as 3.10..3.13', parsePythons).default(
      ['3.10', '3.11', '3.12', '3.13'],
      '3.10..3.13',
    ),
    parsedOption('--platform <tags>', 'with --closure: platforms, with commas', (text) => text.split(',').map((tag) => tag.trim())).default(
      ['manylinux_2_28_x86_64'],
      'manylinux_2_28_x86_64',
    ),
  ]
}

/** For a publication or promotion: throws `not-found`, naming them, where packages need something that their index does not have. */
export function closureGate({
  closure,
  python: pythons,
  platform: platforms,
}: ClosureFlags): ((candidate: Candidate) => Promise<void>) | undefined {
  if (closure !== true) return undefined
  return async (candidate) => {
    const missing: string[] = []
    for (const [prefix, { projects, read }] of candidate) {
      const files = new Map(
        await mapBounded(Object.entries(projects), 16, async ([name, { record }]) => [name, filesOfProject(await read(record))] as const),
      )
      const answer = findMissing({ projects: [...files.keys()], files: (name) => files.get(name), pythons, platforms })
      for (const { project, version, requirement, why } of answer.missing)
        missing.push(`${prefix}: ${project} ${version} requires ${requirement}: ${why}`)
    }
    const told = [...new Set(missing)]
    if (told.length === 0) return
    const more = told.length > 20 ? [`… and ${told.length - 20} more`] : []
    throw new Fault(
      'not-found',
      `not everything could be installed from the index alone, so nothing was published:\n${[...told.slice(0, 20), ...more].map((line) => `  ${line}`).join('\n')}`,
      {
        hint: 'mirror what is missing (holdfast index mirror), or leave out --closure',
      },
    )
  }
}
