import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { redact } from '../kit/index.ts'
import { tracingSettings } from './settings.ts'

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }
const settingsOf = (env: Record<string, string>) => {
  const settings = tracingSettings({ ...endpoint, ...env })
  assert.ok(settings)
  return settings
}

describe('traces are configured', () => {
  test('by a collector: its address with /v1/traces, or the one for traces as it is', () => {
    assert.equal(tracingSettings({}), undefined)
    assert.equal(tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), undefined)
    assert.equal(settingsOf({}).url, 'http://collector:4318/v1/traces')
    assert.equal(settingsOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces/in' }).url, 'http://traces/in')
  })

  test('and not where they are switched off', () => {
    assert.equal(tracingSettings({ ...endpoint, OTEL_SDK_DISABLED: 'True' }), undefined)
    assert.equal(tracingSettings({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), undefined)
    assert.ok(tracingSettings({ ...endpoint, OTEL_SDK_DISABLED: 'yes', OTEL_TRACES_EXPORTER: 'otlp' }))
  })

  test('with defaults as the standard has them', () => {
    const { form, timeout, sampler, headers, resource, notes } = settingsOf({})
    assert.deepEqual([form, timeout, sampler], ['http/protobuf', 10_000, { name: 'parentbased_always_on', ratio: 1 }])
    assert.deepEqual([headers, resource, notes], [{}, { 'service.name': 'holdfast' }, []])
  })

  test('with what variables for traces say before what those for all signals say', () => {
    const { form, timeout, headers } = settingsOf({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2000',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=b',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'API-Key=s%3Dt, x = y ',
    })
    assert.deepEqual([form, timeout, headers], ['http/json', 2000, { 'api-key': 's=t', x: 'y' }])
  })

  test('with a name for the service, whoever else names it', () => {
    const OTEL_RESOURCE_ATTRIBUTES = 'service.name=other,deployment.environment.name=pro%20duction'
    assert.deepEqual(settingsOf({ OTEL_RESOURCE_ATTRIBUTES }).resource, {
      'service.name': 'other',
      'deployment.environment.name': 'pro duction',
    })
    assert.equal(settingsOf({ OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME: 'nightly' }).resource['service.name'], 'nightly')
  })

  test('where something cannot be understood it counts as not written, and is named', () => {
    const { form, timeout, sampler, headers, notes } = settingsOf({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TIMEOUT: 'soon',
      OTEL_EXPORTER_OTLP_HEADERS: 'bare,bad name=x,injected=a%0d%0ab,good=1',
      OTEL_TRACES_SAMPLER: 'jaeger_remote',
      OTEL_TRACES_SAMPLER_ARG: '2',
      OTEL_RESOURCE_ATTRIBUTES: '=x,%zz',
    })
    assert.deepEqual([form, timeout, headers], ['http/protobuf', 10_000, { good: '1' }])
    assert.deepEqual(sampler, { name: 'parentbased_always_on', ratio: 1 })
    for (const variable of ['PROTOCOL', 'TIMEOUT', 'HEADERS', 'SAMPLER is', 'SAMPLER_ARG', 'RESOURCE_ATTRIBUTES'])
      assert.ok(
        notes.some((note) => note.includes(variable)),
        variable,
      )
  })

  test('and what headers hold is hidden wherever it appears', () => {
    settingsOf({ OTEL_EXPORTER_OTLP_HEADERS: 'x-key=very-secret-value-1' })
    assert.equal(redact('sent very-secret-value-1'), 'sent [hidden]')
  })
})
