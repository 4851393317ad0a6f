import type { Engine } from './engine.ts'

/** onnxruntime-node: native code for this platform. Weights are mapped from their files. */
export async function loadNativeEngine(): Promise<Engine> {
  // It reports to its maker unless this stands in the environment when it is loaded. A conversion is nobody else's business.
  process.env.ORT_DISABLE_TELEMETRY = '1'
  const ort = await import('onnxruntime-node')
  return {
    name: 'onnxruntime-node',
    version: ort.env.versions.node ?? ort.env.versions.common,
    ort,
    inPlace: true,
    capacity: Number.POSITIVE_INFINITY,
    create: ({ path }, options) => ort.InferenceSession.create(path, { ...options, executionProviders: ['cpu'] }),
  }
}
