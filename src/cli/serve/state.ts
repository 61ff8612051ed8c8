import path from 'node:path'
import { openServerState, type ServerState } from '../../server/index.ts'
import type { Call } from '../command.ts'

/** The state of this project's server on this machine. */
export async function openState(call: Call<object>): Promise<ServerState> {
  const { stateDir } = await call.wire()
  return openServerState(path.join(stateDir, 'server.sqlite'), call.host.clock)
}
