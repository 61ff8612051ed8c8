import assert from 'node:assert/strict'
import { Fault, type FaultCode } from '../../src/kit/index.ts'

/** The fault that work ends with; its code and message are as said. */
export async function faultOf(work: Promise<unknown>, code: FaultCode, says: RegExp): Promise<Fault> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof Fault, `no Fault: ${String(error)}`)
  assert.equal(error.code, code, error.message)
  assert.match(error.message, says)
  return error
}
