import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { Fault, isFault, mapBounded, run } from '../kit/index.ts'
import type { SourceCommit } from './record.ts'

interface System {
  readonly name: SourceCommit['system']
  /** Answers with a folder where the repository is one of this system. */
  readonly root: readonly [string, ...string[]]
  readonly commit: readonly [string, ...string[]]
  /** Prints something exactly where the work tree, without these folders below the root, differs from the commit. */
  changes(excluded: readonly string[]): readonly [string, ...string[]]
}

const systems: readonly System[] = [
  {
    name: 'git',
    root: ['git', 'rev-parse', '--show-toplevel'],
    commit: ['git', 'rev-parse', '--verify', 'HEAD'],
    changes: (excluded) => [
      ...(['git', 'status', '--porcelain', '--untracked-files=normal', '--', ':/'] as const),
      ...excluded.map((folder) => `:(top,exclude,literal)${folder}`),
    ],
  },
  {
    name: 'sl',
    root: ['sl', 'root'],
    commit: ['sl', 'log', '-r', '.', '-T', '{node}'],
    changes: (excluded) => withoutFolders('sl', excluded),
  },
  {
    name: 'hg',
    root: ['hg', 'root'],
    commit: ['hg', 'log', '-r', '.', '-T', '{node}'],
    changes: (excluded) => withoutFolders('hg', excluded),
  },
]

export interface SourceOptions {
  readonly env: NodeJS.ProcessEnv
  /** Folders that releases write into themselves: what changes there makes no work tree dirty. */
  readonly ownFolders?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

function withoutFolders(program: 'sl' | 'hg', excluded: readonly string[]): readonly [string, ...string[]] {
  return [program, 'status', ...excluded.flatMap((folder) => ['--exclude', `path:${folder}`])]
}

/**
 * The commit of each repository, found by asking git, Sapling and Mercurial in that order; the innermost repository
 * counts. Throws `invalid` where a folder is in none: a release that cannot be traced is not made silently.
 */
export async function readSources(
  sources: Readonly<Record<string, string>>,
  options: SourceOptions,
): Promise<Record<string, SourceCommit>> {
  const names = Object.keys(sources).sort()
  const commits = await mapBounded(names, 4, (name, signal) => readSource(name, sources[name]!, { ...options, signal }), options.signal)
  return Object.fromEntries(names.map((name, at) => [name, commits[at]!]))
}

async function readSource(
  name: string,
  folder: string,
  { env, signal, ownFolders = [] }: SourceOptions & { signal: AbortSignal },
): Promise<SourceCommit> {
  const quiet = { cwd: folder, env: { ...env, GIT_OPTIONAL_LOCKS: '0', HGPLAIN: '1', LC_ALL: 'C' }, signal }
  let best: { system: System; root: string } | undefined
  for (const system of systems) {
    const answer = await ask(system.root, quiet)
    if (answer !== undefined && answer.length > (best?.root.length ?? 0)) best = { system, root: answer }
  }
  if (best === undefined) {
    throw new Fault('invalid', `the source ${name} is in no git, Sapling or Mercurial repository`, {
      at: folder,
      hint: 'correct the folder under sources in holdfast.toml, or take it out',
    })
  }
  const commit = await ask(best.system.commit, quiet)
  if (commit === undefined || !/^[0-9a-f]{7,64}$/.test(commit) || /^0+$/.test(commit)) {
    throw new Fault('invalid', `the source ${name} has no commit yet`, { at: folder, hint: 'commit something first' })
  }
  const { root } = best
  const excluded = await Promise.all(ownFolders.map((own) => folderBelow(root, own)))
  const command = best.system.changes(excluded.filter((own) => own !== undefined))
  const changes = await ask(command, quiet)
  if (changes === undefined)
    throw new Fault('unavailable', `${best.system.name} cannot tell whether ${name} has changes`, {
      at: folder,
      hint: `run there: ${command.join(' ')}`,
    })
  return { system: best.system.name, commit, dirty: changes !== '' }
}

/** The program's output, or undefined where it is not installed or says no. */
async function ask(
  command: readonly [string, ...string[]],
  options: { cwd: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<string | undefined> {
  try {
    const { status, stdout } = await run(command, options)
    return status === 0 ? stdout.trim() : undefined
  } catch (error) {
    if (isFault(error, 'unsupported') || isFault(error, 'not-found')) return undefined
    throw error
  }
}

/** The folder relative to the repository's root, or undefined where it lies outside or does not exist yet. */
async function folderBelow(root: string, folder: string): Promise<string | undefined> {
  const real = await realpath(folder).catch(() => undefined)
  const below = real === undefined ? '' : path.relative(root, real)
  return below === '' || below.startsWith('..') || path.isAbsolute(below) ? undefined : below
}
