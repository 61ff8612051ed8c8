import * as v from 'valibot'
import { bytesOf, Fault, keepSecret, parseJson, run } from '../../kit/index.ts'
import type { RegistryCredential } from './credential.ts'

const shape = v.object({ Username: v.optional(v.string()), Secret: v.optional(v.string()) })

/** What helpers say, with a failure, of a registry that they know nothing of. */
const unknown = /credentials not found in native keychain/i

/**
 * Asks `docker-credential-NAME get`, with the server on its standard input (docker-credential-helpers, "Development"). Undefined where it knows
 * none; a helper that fails or is not there is a Fault: it was configured, and nothing else is tried for it.
 */
export async function askHelper(
  name: string,
  server: string,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<RegistryCredential | undefined> {
  if (!/^[\w.-]{1,100}$/.test(name))
    throw new Fault('invalid', `not the name of a credential helper: ${JSON.stringify(name.slice(0, 100))}`)
  const program = `docker-credential-${name}`
  const { status, stdout } = await run([program, 'get'], { env: { ...env }, input: bytesOf(`${server}\n`), signal })
  if (unknown.test(stdout)) return undefined
  if (status !== 0) {
    const said = stdout.startsWith('{') ? '' : stdout.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
    throw new Fault('denied', `${program} failed for ${server} with ${status}${said === '' ? '' : `: ${said.slice(0, 200)}`}`, {
      hint: 'the configuration of Docker names it: unlock it, or log in anew',
    })
  }
  const { Username: user = '', Secret: secret = '' } = answerOf(stdout, program)
  if (secret === '') return undefined
  if (user === '<token>') return { kind: 'identity-token', token: secret, from: program }
  return { kind: 'password', user, password: secret, from: program }
}

/** Nothing of the answer may get into a message: it is a secret, or was to be one. */
function answerOf(stdout: string, program: string): v.InferOutput<typeof shape> {
  try {
    return parseJson(shape, stdout, program)
  } catch {
    keepSecret(stdout.trim())
    throw new Fault('corrupt', `${program} gave no answer that can be read`)
  }
}
