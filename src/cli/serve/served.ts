import { pathToFileURL } from 'node:url'
import { environmentNamed, environmentsOf, imagesSettings, indexEnvironment, indexEnvironmentNames } from '../../config/index.ts'
import type { Served } from '../../server/index.ts'
import type { Call } from '../command.ts'
import type { Host } from '../host.ts'
import { splits } from '../daemon/split.ts'

interface Opened extends Pick<Call<object>, 'wire' | 'report'> {
  readonly host: Pick<Host, 'env' | 'clock' | 'random' | 'version'>
}

/** What the configuration has, as a server serves it. Nothing is opened but the store. */
export async function servedFrom({ wire: open, host, report }: Opened): Promise<Served> {
  const wire = await open()
  const { config } = wire
  const environments = await environmentsOf(config, report)
  const { S3_BUCKET_PY, CUSTOM_PREFIX } = host.env
  const { runs } = config
  return {
    store: await wire.store(),
    products: config.release,
    releases: () => wire.releases(),
    indexes: indexEnvironmentNames(config.index),
    index: async (name) => await wire.pythonIndex(indexEnvironment(config.index, config.file, name, { S3_BUCKET_PY, CUSTOM_PREFIX })),
    environments: Object.keys(environments).toSorted(),
    environment: async (name) => await wire.environment(environmentNamed(environments, config, name)),
    runs: runs && { folder: runs.root, open: () => wire.openTree(pathToFileURL(runs.root).href) },
    snapshots: () => wire.snapshots(),
    images: config.images && (async () => await wire.images(await imagesSettings(config, {}, { GH_HOST: host.env['GH_HOST'] }), {})),
    jobs: { jobs: config.jobs, notified: config.notify.map(({ name }) => name), queue: () => wire.queue(), splits },
    counted: async () => (await wire.meter()).snapshot(),
    clock: host.clock,
    random: host.random,
    report,
    version: host.version,
  }
}
