import type { Config } from '../../config/index.ts'
import { lineOf } from '../../daemon/index.ts'
import { asFault, Fault } from '../../kit/index.ts'
import type { Host } from '../host.ts'
import { type Inside, nowhere, quietHost } from './in-process.ts'

/** Throws `invalid` with every job whose command cannot be one, and where it stands. */
export async function checkJobs(config: Config, host: Host, inside: Inside): Promise<void> {
  const problems: string[] = []
  for (const [at, { name, words }] of config.jobs.entries()) {
    const says = await problemOf(words, config, host, inside)
    if (says !== undefined) problems.push(`${config.place(`job[${at}].run`)}: job ${name}: ${lineOf(words)}: ${says}`)
  }
  if (problems.length === 0) return
  throw new Fault(
    'invalid',
    problems.length === 1 ? problems[0]! : `${problems.length} jobs cannot run:\n${problems.map((text) => `  ${text}`).join('\n')}`,
    {
      at: config.file,
      hint: 'try the line itself: holdfast, then what stands in `run`',
    },
  )
}

async function problemOf(words: readonly string[], config: Config, host: Host, inside: Inside): Promise<string | undefined> {
  try {
    await inside.check(words, quietHost(host, config, host.signal, nowhere, nowhere), config)
    return undefined
  } catch (error) {
    return asFault(error).message
  }
}
