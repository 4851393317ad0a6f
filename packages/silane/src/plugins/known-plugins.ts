// Generated: `node tools/repo/known-plugins.ts`.
import type { Claim } from './plugin-manifest.ts'

/** A plugin of ours, installed or not. */
export interface KnownPlugin {
  readonly package: string
  readonly id: string
  readonly claims: readonly Claim[]
}

/** What our plugins claim, for the hint what to install. */
// biome-ignore format: a line for each claim
export const knownPlugins: readonly KnownPlugin[] = [
  {
    package: '@silane/plugin-albert',
    id: 'albert',
    claims: [
      {"modelType":"albert","architectures":["AlbertModel","AlbertForMaskedLM","AlbertForPreTraining","AlbertForSequenceClassification","AlbertForTokenClassification","AlbertForQuestionAnswering","AlbertForMultipleChoice"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true}},"tensors":["*embeddings.word_embeddings.weight","*encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-bart',
    id: 'bart',
    claims: [
      {"modelType":"bart","architectures":["BartForConditionalGeneration","BartModel","BartForSequenceClassification"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"encoder_attention_heads":{"exists":true}},"tensors":["*encoder.layernorm_embedding.weight","*encoder.layers.0.self_attn.q_proj.weight","*decoder.layers.0.encoder_attn.q_proj.weight","!*encoder.layer_norm.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-bert',
    id: 'bert',
    claims: [
      {"modelType":"bert","architectures":["BertModel","BertForMaskedLM","BertForPreTraining","BertForNextSentencePrediction","BertForSequenceClassification","BertForTokenClassification","BertForQuestionAnswering","BertForMultipleChoice"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true}},"tensors":["bert.embeddings.word_embeddings.weight","bert.embeddings.token_type_embeddings.weight","bert.encoder.layer.0.attention.self.query.weight"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true},"pad_token_id":{"not":1}},"tensors":["embeddings.word_embeddings.weight","embeddings.token_type_embeddings.weight","encoder.layer.0.attention.self.query.weight"],"files":["vocab.txt","!merges.txt","!bpe.codes"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true},"pad_token_id":{"not":1},"type_vocab_size":{"not":1}},"tensors":["embeddings.word_embeddings.weight","embeddings.token_type_embeddings.weight","encoder.layer.0.attention.self.query.weight"],"files":["!vocab.txt","!vocab.json","!merges.txt","!bpe.codes","!*.model"]}},
    ],
  },
  {
    package: '@silane/plugin-blip',
    id: 'blip',
    claims: [
      {"modelType":"blip","architectures":["BlipForConditionalGeneration","BlipForQuestionAnswering","BlipForImageTextRetrieval"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"vision_config":{"exists":true}},"tensors":["vision_model.encoder.layers.0.self_attn.qkv.weight","text_*encoder.layer.0.crossattention.self.query.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-blip2',
    id: 'blip2',
    claims: [
      {"modelType":"blip-2","architectures":["Blip2ForConditionalGeneration","Blip2Model","Blip2ForImageTextRetrieval"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"vision_config":{"exists":true},"qformer_config":{"exists":true}},"tensors":["query_tokens","vision_model.encoder.layers.0.self_attn.qkv.weight","qformer.encoder.layer.0.attention.attention.query.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-decision-transformer',
    id: 'decision-transformer',
    claims: [
      {"modelType":"decision_transformer","architectures":["DecisionTransformerModel","TrainableDT"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"n_head":{"exists":true}},"tensors":["*wpe.weight","*h.0.attn.c_attn.weight","*ln_f.weight","embed_timestep.weight","predict_action.0.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-distilbert',
    id: 'distilbert',
    claims: [
      {"modelType":"distilbert","architectures":["DistilBertModel","DistilBertForMaskedLM","DistilBertForSequenceClassification","DistilBertForTokenClassification","DistilBertForQuestionAnswering","DistilBertForMultipleChoice"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"n_heads":{"exists":true}},"tensors":["*embeddings.word_embeddings.weight","*transformer.layer.0.attention.q_lin.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-gpt2',
    id: 'gpt2',
    claims: [
      {"modelType":"gpt2","architectures":["GPT2LMHeadModel","GPT2Model","GPT2ForSequenceClassification","GPT2DoubleHeadsModel"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"n_head":{"exists":true}},"tensors":["*wpe.weight","*h.0.attn.c_attn.weight","*ln_f.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-graphcodebert',
    id: 'graphcodebert',
    claims: [
      {"modelType":"roberta","architectures":["RobertaModel","RobertaForMaskedLM","RobertaForSequenceClassification","RobertaForTokenClassification","RobertaForQuestionAnswering","RobertaForMultipleChoice"],"when":{"options":{"dataflow":true}}},
      {"modelType":"roberta","architectures":["RobertaModel","RobertaForMaskedLM","RobertaForSequenceClassification","RobertaForTokenClassification","RobertaForQuestionAnswering","RobertaForMultipleChoice"],"when":{"options":{"dataflow":false}}},
    ],
  },
  {
    package: '@silane/plugin-mosaicbert',
    id: 'mosaicbert',
    claims: [
      {"modelType":"bert","architectures":["BertModel","BertForMaskedLM","BertForSequenceClassification","BertForTokenClassification","BertForQuestionAnswering","BertForMultipleChoice"],"when":{"config":{"alibi_starting_size":{"exists":true}}}},
      {"modelType":"bert","architectures":["BertModel","BertForMaskedLM","BertForSequenceClassification","BertForTokenClassification","BertForQuestionAnswering","BertForMultipleChoice"],"when":{"config":{"auto_map.AutoConfig":"configuration_bert.BertConfig"}}},
      {"modelType":"bert","architectures":["BertModel","BertForMaskedLM","BertForSequenceClassification","BertForTokenClassification","BertForQuestionAnswering","BertForMultipleChoice"],"when":{"tensors":["*attention.self.Wqkv.weight"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true}},"tensors":["*encoder.layer.0.attention.self.Wqkv.weight","*encoder.layer.0.mlp.gated_layers.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-opt',
    id: 'opt',
    claims: [
      {"modelType":"opt","architectures":["OPTForCausalLM","OPTModel","OPTForSequenceClassification"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"do_layer_norm_before":{"exists":true}},"tensors":["*decoder.embed_positions.weight","*decoder.layers.0.self_attn.q_proj.weight","!*encoder.layers.0.*"]}},
    ],
  },
  {
    package: '@silane/plugin-perceiver',
    id: 'perceiver',
    claims: [
      {"modelType":"perceiver","architectures":["PerceiverForMaskedLM","PerceiverForSequenceClassification","PerceiverForImageClassificationLearned","PerceiverForImageClassificationFourier","PerceiverForImageClassificationConvProcessing","PerceiverForOpticalFlow","PerceiverForMultimodalAutoencoding","PerceiverModel"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false}},"tensors":["perceiver.embeddings.latents","perceiver.encoder.cross_attention.attention.self.query.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-rag',
    id: 'rag',
    claims: [
      {"modelType":"rag","architectures":["RagTokenForGeneration","RagSequenceForGeneration","RagModel"]},
      {"modelType":"dpr","architectures":["DPRQuestionEncoder","DPRContextEncoder","DPRReader"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"question_encoder":{"exists":true},"generator":{"exists":true}},"tensors":["*question_encoder.question_encoder.bert_model.encoder.layer.0.attention.self.query.weight"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true}},"tensors":["question_encoder.bert_model.embeddings.word_embeddings.weight","question_encoder.bert_model.encoder.layer.0.attention.self.query.weight"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true}},"tensors":["ctx_encoder.bert_model.embeddings.word_embeddings.weight","ctx_encoder.bert_model.encoder.layer.0.attention.self.query.weight"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true}},"tensors":["span_predictor.encoder.bert_model.embeddings.word_embeddings.weight","span_predictor.encoder.bert_model.encoder.layer.0.attention.self.query.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-realm',
    id: 'realm',
    claims: [
      {"modelType":"realm","architectures":["RealmEmbedder","RealmScorer","RealmKnowledgeAugEncoder","RealmReader","RealmForOpenQA"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true},"reader_beam_size":{"exists":true}},"tensors":["*realm.encoder.layer.0.attention.self.query.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-retro',
    id: 'retro',
    claims: [
      {"modelType":"retro","architectures":["RETRO"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false}},"tensors":["*token_emb.weight","*decoder.layers.0.0.fn.to_q.weight","*encoder.project_out.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-roberta',
    id: 'roberta',
    claims: [
      {"modelType":"roberta","architectures":["RobertaModel","RobertaForMaskedLM","RobertaForSequenceClassification","RobertaForTokenClassification","RobertaForQuestionAnswering","RobertaForMultipleChoice"]},
      {"modelType":"xlm-roberta","architectures":["XLMRobertaModel","XLMRobertaForMaskedLM","XLMRobertaForSequenceClassification","XLMRobertaForTokenClassification","XLMRobertaForQuestionAnswering","XLMRobertaForMultipleChoice"]},
      {"modelType":"camembert","architectures":["CamembertModel","CamembertForMaskedLM","CamembertForSequenceClassification","CamembertForTokenClassification","CamembertForQuestionAnswering","CamembertForMultipleChoice"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true}},"tensors":["roberta.embeddings.word_embeddings.weight","roberta.embeddings.token_type_embeddings.weight","roberta.encoder.layer.0.attention.self.query.weight"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true},"pad_token_id":{"not":0}},"tensors":["embeddings.word_embeddings.weight","embeddings.token_type_embeddings.weight","encoder.layer.0.attention.self.query.weight"],"files":["!vocab.txt"]}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true},"pad_token_id":{"not":0}},"tensors":["embeddings.word_embeddings.weight","embeddings.token_type_embeddings.weight","encoder.layer.0.attention.self.query.weight"],"files":["vocab.txt","bpe.codes"]}},
    ],
  },
  {
    package: '@silane/plugin-sam',
    id: 'sam',
    claims: [
      {"modelType":"sam","architectures":["SamModel"]},
      {"modelType":"sam_vision_model","architectures":["SamVisionModel"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false}},"tensors":["image_encoder.patch_embed.proj.weight","mask_decoder.iou_token.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-t5',
    id: 't5',
    claims: [
      {"modelType":"t5","architectures":["T5ForConditionalGeneration","T5WithLMHeadModel","T5EncoderModel","T5Model"]},
      {"modelType":"mt5","architectures":["MT5ForConditionalGeneration","MT5EncoderModel","MT5Model"]},
      {"modelType":"umt5","architectures":["UMT5ForConditionalGeneration","UMT5EncoderModel","UMT5Model"]},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_heads":{"exists":true}},"tensors":["*encoder.block.0.layer.0.SelfAttention.q.weight","*encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight","!*encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"]}},
    ],
  },
  {
    package: '@silane/plugin-unirel',
    id: 'unirel',
    claims: [
      {"modelType":"bert","architectures":["UniRelModel"]},
      {"modelType":"bert","when":{"config":{"num_rels":{"exists":true},"test_data_type":{"exists":true}}}},
      {"when":{"config":{"model_type":{"exists":false},"architectures":{"exists":false},"num_attention_heads":{"exists":true},"num_rels":{"exists":true},"test_data_type":{"exists":true}},"tensors":["*encoder.layer.0.attention.self.query.weight"]}},
    ],
  },
]
