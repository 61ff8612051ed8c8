import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Fault } from '../kit/index.ts'
import { buildInputs } from './build-inputs.ts'
import { velox } from './velox.ts'

const { inputs } = velox.preset
const sha = '92865fbce0d2a056af5334a0afecc1f36853b657'

function refused(given: Record<string, string>): string {
  try {
    buildInputs(inputs, given)
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'invalid')
    return `${error.message}; ${error.hint}`
  }
  throw new assert.AssertionError({ message: 'nothing was refused' })
}

describe('the inputs of a build', () => {
  test('are sent as they were given, and none beside', () => {
    const given = {
      presto_repository: 'prestodb/presto',
      presto_commit: sha,
      velox_commit: 'main',
      worker_bundle_mode: 'all_native',
      target_platform: 'linux/arm64',
      runner_label: 'linux-amd64-cpu16',
      set_velox_backward_compatible: 'false',
      something_new: 'x',
    }
    assert.deepEqual(buildInputs(inputs, given), given)
    assert.deepEqual(buildInputs(inputs, {}), {})
  })
  test('may have either spelling of the Java worker', () => {
    for (const given of ['java', 'java_worker'])
      assert.deepEqual(buildInputs(inputs, { worker_variant: given }), { worker_variant: 'java' })
  })
  test('are no short SHAs, and it is said why', () => {
    for (const short of ['92865fb', sha.slice(0, 12), sha.slice(0, 39), '92865FB'])
      assert.match(
        refused({ presto_commit: short }),
        /presto_commit: .* is a short SHA, which may not resolve where the workflow runs; write all 40 digits/,
      )
    assert.match(refused({ velox_commit: '65797d572e0a' }), /refs\/heads\/65797d572e0a/)
    assert.deepEqual(buildInputs(inputs, { velox_commit: 'refs/heads/65797d572e0a' }), { velox_commit: 'refs/heads/65797d572e0a' })
    assert.deepEqual(buildInputs(inputs, { velox_commit: 'feature/abc1234' }), { velox_commit: 'feature/abc1234' })
  })
  test('are of the values that the workflow takes', () => {
    assert.match(refused({ worker_bundle_mode: 'some' }), /"some" is none of its values; one of single, all, all_native/)
    assert.match(refused({ worker_variant: '__proto__' }), /none of its values; one of native_cpu, native_gpu, java, java_worker/)
    assert.match(refused({ set_velox_backward_compatible: 'yes' }), /neither true nor false/)
    assert.match(refused({ presto_commit: ' ' }), /empty/)
    assert.match(refused({ other: 'a\nb' }), /control characters/)
    assert.match(refused(Object.fromEntries(Array.from({ length: 26 }, (_, at) => [`i${at}`, 'x']))), /26 inputs are more than the 25/)
  })
})
