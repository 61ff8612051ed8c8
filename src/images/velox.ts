import type { ImagesSettings } from './settings.ts'

const nativeModes = ['all', 'all_native']
const tarball = '{family}-{tag}.tar.gz'
const text = { kind: 'text', options: [], spellings: {} } as const

/** The shipped preset: the images of Presto and Velox, from the workflow that builds them to the registry that takes them. */
export const velox: Pick<ImagesSettings, 'repo' | 'workflow' | 'gitlabHost' | 'gitlabProject' | 'registry' | 'registryProject' | 'preset'> =
  {
    repo: 'rapidsai/velox-testing',
    workflow: '.github/workflows/presto-build-images.yml',
    gitlabHost: 'gitlab-master.nvidia.com',
    gitlabProject: 'hercules/veloxtesting',
    registry: 'gitlab-master.nvidia.com:5005',
    registryProject: 'hercules/veloxtesting',
    preset: {
      families: [
        { name: 'presto-coordinator', tarball },
        { name: 'presto-java-worker', flag: 'Build Java worker', modes: ['all'], variants: ['java', 'java_worker'], tarball },
        { name: 'presto-native-worker-cpu', flag: 'Build native CPU', modes: nativeModes, variants: ['native_cpu'], tarball },
        { name: 'presto-native-worker-gpu', flag: 'Build native GPU', modes: nativeModes, variants: ['native_gpu'], tarball },
      ],
      architectures: [
        { platform: 'linux/amd64', suffix: 'linux-amd64', folder: 'x86' },
        { platform: 'linux/arm64', suffix: 'linux-arm64', folder: 'arm' },
      ],
      metadata: {
        keys: [
          'Presto repository',
          'Presto ref',
          'Velox repository',
          'Velox ref',
          'Target platform',
          'Worker bundle mode',
          'Worker variant',
          'Build native CPU',
          'Build native GPU',
          'Build Java worker',
          'Image tag',
          'Registry push',
          'Generated at',
        ],
        required: ['Presto ref', 'Velox ref', 'Target platform', 'Worker bundle mode', 'Image tag'],
        tag: 'Image tag',
        platform: 'Target platform',
        mode: 'Worker bundle mode',
        variant: 'Worker variant',
        variantMode: 'single',
      },
      inputs: [
        { ...text, name: 'presto_repository', description: 'the repository of Presto', default: 'prestodb/presto' },
        { ...text, kind: 'commit', name: 'presto_commit', description: 'the commit or branch of Presto to build' },
        { ...text, name: 'velox_repository', description: 'the repository of Velox', default: 'rapidsai/velox' },
        { ...text, kind: 'commit', name: 'velox_commit', description: 'the commit or branch of Velox to build' },
        {
          name: 'worker_variant',
          description: 'the worker to build in the mode single',
          kind: 'choice',
          options: ['native_cpu', 'native_gpu', 'java'],
          spellings: { java_worker: 'java' },
          default: 'native_cpu',
        },
        {
          ...text,
          name: 'worker_bundle_mode',
          description: 'which workers to build: the chosen one, all, or the native ones',
          kind: 'choice',
          options: ['single', 'all', 'all_native'],
          default: 'single',
        },
        {
          ...text,
          name: 'set_velox_backward_compatible',
          description: 'build native workers with Velox’s option for backward compatibility',
          kind: 'flag',
          default: 'false',
        },
        {
          ...text,
          name: 'target_platform',
          description: 'the platform to build for',
          kind: 'choice',
          options: ['linux/amd64', 'linux/arm64'],
          default: 'linux/amd64',
        },
        { ...text, name: 'runner_label', description: 'the runner to build on', default: 'linux-amd64-cpu16' },
      ],
    },
  }
