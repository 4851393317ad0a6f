import { pluginConformance } from '@silane/testkit'
import distilbert from '../src/index.ts'

pluginConformance(distilbert, { root: new URL('..', import.meta.url) })
