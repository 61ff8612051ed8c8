import type { Responder } from '../kit/index.ts'
import { plain } from './answer.ts'

const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/i

/**
 * The host names that a server answers to, beside localhost and addresses: those that are written. Where none are, on this machine alone there are
 * no others, since a page of anywhere may let its own name lead here; elsewhere they are all names (undefined).
 */
export function answeredNames(host: string, written: readonly string[] | undefined): readonly string[] | undefined {
  return written ?? (loopback.test(host) ? [] : undefined)
}

/** The same answers, for these names alone. */
export function forNames(respond: Responder, names: readonly string[] | undefined): Responder {
  const isOurs = nameCheck(names)
  return (asked) => (isOurs(asked.headers.get('host')) ? respond(asked) : plain(421, 'this server has another name'))
}

/** A name that leads here by somebody else's doing would let their pages read what is served here. */
export function nameCheck(names: readonly string[] | undefined): (host: string | null) => boolean {
  if (names === undefined) return () => true
  // Nearly all say the same.
  let last: string | undefined
  return (host) => {
    if (host === null || host === last) return true
    const name = host.replace(/:\d*$/, '').toLowerCase()
    const isOurs = name === 'localhost' || /^\[.*\]$|^\d+\.\d+\.\d+\.\d+$/.test(name) || names.includes(name)
    if (isOurs) last = host
    return isOurs
  }
}
