import { pluginConformance } from '@silane/testkit'
import decisionTransformer from '../src/index.ts'

pluginConformance(decisionTransformer, { root: new URL('..', import.meta.url) })
