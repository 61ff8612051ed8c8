import type { Config } from '../../config/index.ts'
import { type Notifier, notifiersOf } from '../../daemon/index.ts'
import type { Call } from '../command.ts'

/** Those who are to be told, with their secrets. Throws `invalid` with every variable that is missing. */
export function openNotifiers({ host, wire }: Call<object>, { notify }: Pick<Config, 'notify'>): Notifier[] {
  return notifiersOf(notify, { env: host.env, http: async () => await (await wire()).http(), clock: host.clock })
}
