import { createHttp } from '../../src/kit/http/index.ts'
import { type Clock, systemClock } from '../../src/kit/index.ts'
import { openRegistry, type Registry, type RegistryCredential } from '../../src/oci/index.ts'

export interface RegistryDesk extends Registry {
  /** What it told people. */
  readonly notes: string[]
  close(): void
}

export interface RegistryDeskOptions {
  readonly login?: { readonly user: string; readonly password: string } | undefined
  readonly credential?: RegistryCredential | undefined
  readonly clock?: Clock | undefined
  /** Not told: what a registry of this machine speaks is found out. */
  readonly isPlain?: boolean | undefined
  readonly ca?: readonly string[] | undefined
}

/** A client of one registry, as a program has it. */
export function registryDesk(
  host: string,
  { login, credential, clock = systemClock, isPlain, ca }: RegistryDeskOptions = {},
): RegistryDesk {
  const notes: string[] = []
  const http = createHttp({
    clock,
    random: () => 0,
    userAgent: 'holdfast/test',
    ca,
    report: (event) => void (event.kind === 'note' && notes.push(event.text)),
  })
  const found = login === undefined ? credential : { kind: 'password' as const, ...login, from: 'the test' }
  const registry = openRegistry({
    host,
    http,
    credentials: () => Promise.resolve(found),
    isPlain,
    clock,
    random: () => 0,
    report: (event) => void (event.kind === 'note' && notes.push(event.text)),
  })
  return { ...registry, notes, close: () => http.close() }
}
