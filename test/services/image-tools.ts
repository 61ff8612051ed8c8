import assert from 'node:assert/strict'
import { isFault, run } from '../../src/kit/index.ts'
import { ensureDebianPackages } from './install.ts'

/** Installs skopeo and umoci where they are missing; why they cannot be had here. */
export async function whyNoImageTools(): Promise<string | undefined> {
  try {
    await ensureDebianPackages(['skopeo', 'umoci'])
    return undefined
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    return `${error.message}; ${error.hint}`
  }
}

/** Runs them with a home of their own, to success; gives what they print. */
export function imageTools(home: string): (...command: [string, ...string[]]) => Promise<string> {
  return async (...command) => {
    const { status, stdout, tail } = await run(command, { env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home } })
    assert.equal(status, 0, `${command.join(' ')}: ${tail.join('\n')}`)
    return stdout
  }
}
