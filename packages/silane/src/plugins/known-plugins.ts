// Generated: `node tools/repo/known-plugins.ts`.

/** Which of our packages reads which `model_type`, for the hint what to install. */
export const knownPlugins: Readonly<Record<string, string>> = {
  albert: '@silane/plugin-albert',
  bart: '@silane/plugin-bart',
  bert: '@silane/plugin-bert',
  blip: '@silane/plugin-blip',
  'blip-2': '@silane/plugin-blip2',
  camembert: '@silane/plugin-roberta',
  decision_transformer: '@silane/plugin-decision-transformer',
  distilbert: '@silane/plugin-distilbert',
  dpr: '@silane/plugin-rag',
  gpt2: '@silane/plugin-gpt2',
  mt5: '@silane/plugin-t5',
  opt: '@silane/plugin-opt',
  perceiver: '@silane/plugin-perceiver',
  rag: '@silane/plugin-rag',
  realm: '@silane/plugin-realm',
  retro: '@silane/plugin-retro',
  roberta: '@silane/plugin-roberta',
  sam: '@silane/plugin-sam',
  sam_vision_model: '@silane/plugin-sam',
  t5: '@silane/plugin-t5',
  umt5: '@silane/plugin-t5',
  'xlm-roberta': '@silane/plugin-roberta',
}
