import path from 'node:path'
import type { Config } from '../../config/index.ts'
import { diskFault, isFault, readSmallFile, realDisk, replaceFile, run, makeDirectories } from '../../kit/index.ts'
import { failed, type Finding } from './finding.ts'

const area = 'machine'

export function checkNode(version: string, needed: string): Finding {
  const [have, want] = [version, needed].map((text) =>
    text
      .replace(/^[^\d]*/, '')
      .split('.')
      .map(Number),
  )
  const isEnough = have![0]! > want![0]! || (have![0] === want![0] && have![1]! >= (want![1] ?? 0))
  return isEnough
    ? { area, about: 'Node', level: 'ok', says: version }
    : {
        area,
        about: 'Node',
        level: 'problem',
        says: `${version}, ${needed} is needed`,
        fix: 'install the dependencies with their install scripts, or a newer Node',
      }
}

const tools = [
  { name: 'git', ask: ['git', '--version'], usedFor: 'commits of git sources' },
  { name: 'hg', ask: ['hg', '--version', '--quiet'], usedFor: 'commits of Mercurial sources' },
  { name: 'sl', ask: ['sl', '--version', '--quiet'], usedFor: 'commits of Sapling sources' },
  { name: 'cc', ask: ['cc', '--version'], usedFor: 'the demo, which compiles a small library' },
] as const

/** Programs that holdfast calls. None is needed by itself; sources without any of git, hg and sl are a problem. */
export async function checkTools(
  config: Config | undefined,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const versions = await Promise.all(tools.map(async ({ ask }) => await versionOf(ask, env, signal)))
  const findings = tools.map(({ name, usedFor }, index): Finding => {
    const version = versions[index]
    return { area, about: name, level: 'ok', says: version ?? `not installed; only used for ${usedFor}` }
  })
  const hasSources = Object.values(config?.release ?? {}).some(({ sources }) => Object.keys(sources).length > 0)
  if (!hasSources || versions.slice(0, 3).some((version) => version !== undefined)) return findings
  return [
    ...findings,
    {
      area,
      about: 'sources',
      level: 'problem',
      says: 'releases record commits, and neither git, hg nor sl is installed',
      fix: 'install the one that your sources use',
    },
  ]
}

async function versionOf(
  ask: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { status, stdout } = await run(ask, { env: { ...env }, signal })
    return status === 0 ? (stdout.split('\n')[0] ?? '').trim() : undefined
  } catch (error) {
    if (isFault(error, 'unsupported') || isFault(error, 'denied')) return undefined
    throw error
  }
}

/** Whether holdfast can keep something in a folder of its own. */
export async function checkFolder(about: string, folder: string, random: () => number): Promise<Finding> {
  const probe = path.join(folder, `.doctor-${Math.floor(random() * 2 ** 48).toString(16)}`)
  try {
    // As those who keep something there make it.
    await makeDirectories(folder, { mode: 0o700 })
    await replaceFile(probe, 'holdfast doctor\n')
    const isKept = (await readSmallFile(probe)) !== undefined
    await realDisk.unlink(probe)
    if (isKept) return { area, about, level: 'ok', says: folder }
    return { area, about, level: 'problem', says: `${folder} does not keep what is written`, fix: 'check the file system' }
  } catch (error) {
    return failed(area, about, diskFault(error, folder, 'keep files in the folder'))
  }
}
