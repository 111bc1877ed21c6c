"""What is wanted: the model, its training and the applicant, as immutable objects."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stellwerk.errors import InputError
from stellwerk.units import Money

Precision = Literal["bf16", "fp16", "fp8", "mxfp8", "nvfp4"]
"""Of the matrix products: 16 bits; 8 bits, scaled by tensor or by blocks of 32 numbers (OCP microscaling formats,
2023); 4 bits in blocks of 16. What lies between the products stays in 16 bits."""
OptimizerChoice = Literal["adamw", "adamw_bf16", "adamw_8bit", "muon"]
"""AdamW with its two moments in 32, 16 or 8 bits (Dettmers et al. 2022, arXiv:2110.02861), or Muon with one (Jordan et
al. 2024)."""
FineTuningMethod = Literal["full", "lora", "qlora"]
Method = Literal["pretraining", FineTuningMethod]
"""What is trained: a model from scratch; all parameters of a given one; adapters beside its frozen parameters
(Hu et al. 2021, arXiv:2106.09685); the same beside parameters frozen in 4 bits (Dettmers et al. 2023,
arXiv:2305.14314)."""
Schedule = Literal["wsd", "cosine"]
"""Of the learning rate: warm up, stay, decay (Hu et al. 2024, arXiv:2404.06395, section 4); or warm up and follow half
a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""
WeightFormat = Literal["bf16", "fp8", "int4"]
ApplicantKind = Literal["academia", "startup", "sme", "large_industry", "public"]
InstitutionKind = Literal[
    "university", "university_of_applied_sciences", "research_institution", "hospital", "company", "authority"
]
CareerStage = Literal["student", "doctoral", "postdoc", "group_leader", "professor", "staff"]
Purpose = Literal["research", "development", "teaching", "commercial", "administration"]
Sensitivity = Literal["public", "confidential", "personal", "sensitive_personal"]
"""Of the data: free to show; business secrets; personal data (Art. 4 GDPR); special categories (Art. 9 GDPR)."""


@dataclass(frozen=True, slots=True)
class Experts:
    """Feed-forward blocks of a mixture of experts: a router sends each token to ``per_token`` of ``routed`` blocks."""

    routed: int
    per_token: int
    ffn_hidden: int
    """Width of one routed expert."""
    shared_ffn_hidden: int = 0
    """Width of all shared experts together, which every token passes through; 0 where there are none."""
    dense_layers: int = 0
    """How many layers have one feed-forward block in the place of experts."""
    router_bias: bool = False
    """One number per routed expert that corrects the router's choice."""
    shared_gate: bool = False
    """A learned weight for the shared experts' output, as Qwen2-MoE has it."""


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: keys and values are made from one narrow vector per token, which is all that is
    cached (DeepSeek-V2, arXiv:2405.04434, section 2.1).

    Queries and keys have ``Architecture.head_dim`` + ``rope_head_dim`` numbers per head, values ``value_head_dim``;
    the rotary part of the keys is shared by all heads. Both narrow vectors pass a norm.
    """

    key_value_rank: int
    rope_head_dim: int
    value_head_dim: int
    query_rank: int | None = None
    """Width of the narrow vector that queries are made from; None where they come from the hidden state itself."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A decoder-only transformer: dense, or a mixture of ``experts``.

    ``ffn_hidden`` is the width of the feed-forward block (with ``experts``: in the layers that stay dense);
    ``gated_mlp`` adds a third matrix (SwiGLU, GeGLU). ``positions`` counts learned position embeddings (0 for rotary).
    ``norm_parameters`` is 1 for RMSNorm (a scale) and 2 for LayerNorm (scale and shift).
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn_hidden: int
    vocab: int
    gated_mlp: bool = True
    tied_embeddings: bool = False
    attention_bias: bool = False
    """Bias on the query, key and value projections."""
    output_bias: bool = False
    """Bias on the attention output projection."""
    mlp_bias: bool = False
    qk_norm: bool = False
    """A scale on queries and keys before attention."""
    norm_parameters: Literal[0, 1, 2] = 1
    norms_per_layer: int = 2
    positions: int = 0
    qk_norm_width: Literal["head", "projection"] = "head"
    """What one ``qk_norm`` spans: one head, its scale shared by all heads, or all heads at once."""
    head_bias: bool = False
    """Bias on the output head (the logits)."""
    attention_window: int | None = None
    """Latest positions that a token attends to in the windowed layers; None where there are no such layers."""
    windowed_layers: int = 0
    """How many layers attend over ``attention_window`` only; the others attend over the whole sequence."""
    experts: Experts | None = None
    latent_attention: LatentAttention | None = None
    """In the place of grouped queries; ``kv_heads`` then equals ``heads``."""

    @property
    def expert_layers(self) -> int:
        """How many layers have experts."""
        return self.layers - self.experts.dense_layers if self.experts else 0


def architecture_from_values(values: Mapping[str, Any]) -> Architecture:
    """The architecture that ``dataclasses.asdict`` wrote down; raises TypeError for keys that it does not have."""
    experts, latent = values.get("experts"), values.get("latent_attention")
    return Architecture(
        **{
            **values,
            "experts": Experts(**experts) if experts else None,
            "latent_attention": LatentAttention(**latent) if latent else None,
        }
    )


@dataclass(frozen=True, slots=True)
class Training:
    """Pre-training or fine-tuning. ``global_batch_sequences`` sequences of ``sequence_length`` tokens per step."""

    tokens: int
    """Seen in all, over all epochs."""
    sequence_length: int
    global_batch_sequences: int
    precision: Precision
    method: Method = "pretraining"
    lora_rank: int = 16
    """Of the adapters on every matrix of attention and feed-forward block; counts with ``lora`` and ``qlora`` only."""
    optimizer: OptimizerChoice = "adamw"

    @property
    def trains_adapters(self) -> bool:
        """Whether only adapters are trained, beside frozen parameters."""
        return self.method in ("lora", "qlora")

    @property
    def freezes_in_four_bits(self) -> bool:
        """Whether the frozen matrices are kept in 4 bits and turned into 16 bits for each use."""
        return self.method == "qlora"

    @property
    def tokens_per_step(self) -> int:
        return self.global_batch_sequences * self.sequence_length

    @property
    def steps(self) -> int:
        """Optimizer steps, the last one possibly short."""
        return -(-self.tokens // self.tokens_per_step)


@dataclass(frozen=True, slots=True)
class Serving:
    """A finished model that answers requests, for a time. The load is that of the busiest hour."""

    users: int
    """People who may use it; the load is given by ``concurrent_requests``."""
    concurrent_requests: int
    """Requests that are being answered at once at the busiest time."""
    prompt_tokens: int
    """Mean length of what is asked, with its context."""
    output_tokens: int
    """Mean length of an answer."""
    tokens_per_s: float
    """Each answer appears at least this fast."""
    first_token_s: float
    """An answer begins at the latest after this time; the planner holds it against the mean."""
    weights: WeightFormat
    duration_s: float
    """How long the service runs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the answer must fit in; None where the person sets no limit."""

    duration_s: float | None = None
    """Longest time that the computation itself may take."""
    deadline: datetime.datetime | None = None
    """When the model must be ready, with its IANA zone."""
    budget: Money | None = None


@dataclass(frozen=True, slots=True)
class DataNeeds:
    """What the data ask of the place where they are worked on; empty where they ask nothing."""

    sensitivity: Sensitivity = "public"
    locations: tuple[str, ...] = ()
    """Countries (ISO 3166, or ``EU``) in one of which the data must stay."""
    jurisdictions: tuple[str, ...] = ()
    """Countries (or ``EU``) in one of which the operator must have its seat."""
    certificates: tuple[str, ...] = ()
    """That the operator must hold, all of them, such as ``BSI C5``."""
    storage_bytes: float | None = None
    """Of the training data and what else must lie beside the machine; None: not said."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks. ``country`` is an ISO 3166 code, ``state`` an ISO 3166-2 code of a part of it; None: not said."""

    kind: ApplicantKind
    country: str
    state: str | None = None
    employees: int | None = None
    institution: str | None = None
    """Its domain (``tu-dresden.de``)."""
    institution_kind: InstitutionKind | None = None
    career_stage: CareerStage | None = None
    """Of the person who asks."""
    pi_stage: CareerStage | None = None
    """Of the principal investigator who signs the application."""
    pi_doctorate: bool | None = None
    """Whether the principal investigator holds a doctorate."""
    partners: tuple[ApplicantKind, ...] | None = None
    """Who takes part beside the applicant; empty: nobody."""
    grants: tuple[str, ...] | None = None
    """Grants that the project holds (programmes of the catalogue, or a funder such as ``dfg``); empty: none."""
    open_results: bool | None = None
    """Whether the results will be published."""
    purpose: Purpose | None = None


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the reference program is to train, where the plan leaves it open. None: chosen for the run, and said so."""

    dataset: Path | None = None
    """A folder that ``stellwerk data prepare`` wrote; None: the German excerpt inside the package, as bytes."""
    base: Path | None = None
    """A model in Hugging Face layout (config.json, safetensors) that fine-tuning starts from."""
    learning_rate: float | None = None
    schedule: Schedule = "wsd"
    warm_up_share: float = 0.05
    """Share of the steps over which the learning rate rises."""
    decay_share: float = 0.3
    """``wsd``: share of the steps, the last ones, over which it falls."""
    final_share: float = 0.0
    """Of the full learning rate, reached at the end."""
    weight_decay: float = 0.1
    gradient_clip: float = 1.0
    seed: int = 1
    checkpoint_every: int | None = None
    """Steps from one checkpoint to the next."""
    keep_checkpoints: int = 2
    evaluate_every: int | None = None
    """Steps from one evaluation on held-out text to the next; None: at the end only."""
    prompt: str | None = None
    """What the sample at the end continues."""
    compile: bool | None = None
    """Whether torch.compile is used; None: on an accelerator only."""
    tensor_parallel: int = 1
    """Processes that share each layer's matrices; the others have data of their own."""


@dataclass(frozen=True, slots=True)
class Program:
    """A training program of one's own, started in the place of the reference program."""

    command: tuple[str, ...]
    """Program and arguments; with ``torchrun`` what each process runs under Python: a script or ``-m``, a module."""
    launcher: Literal["torchrun", "none"] = "torchrun"
    directory: Path | None = None
    """Where it runs; None: the folder of the workload file."""
    environment: tuple[tuple[str, str], ...] = ()
    resume_arguments: tuple[str, ...] = ()
    """Added to the command when the run goes on from a checkpoint."""
    stop_signal: Literal["TERM", "INT", "USR1", "USR2"] = "TERM"
    """Sent to the processes of the program (not to torchrun) before a limit and on cancelling."""
    stop_before_s: float = 120.0
    """How long before its limit a run is asked to stop."""
    log_pattern: str | None = None
    """A regular expression with the groups ``step`` and ``loss`` and, where known, ``tokens``; None: the program
    writes the metrics file itself."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One request: train or serve this model, this much, within these limits, for this applicant."""

    name: str
    architecture: Architecture
    task: Training | Serving
    limits: Limits
    applicant: Applicant
    model_name: str | None = None
    """Name in the table of published models, where the person gave one."""
    as_of: datetime.date | None = None
    """Day to answer for, where the file pins one."""
    data: DataNeeds = DataNeeds()
    run: RunSettings = RunSettings()
    program: Program | None = None

    @property
    def training(self) -> Training:
        """The task, for what can only be done with a training; raises InputError where the model is to be served."""
        if isinstance(self.task, Training):
            return self.task
        raise InputError("this workload serves a model; a training is needed here", key="serving", value=self.name)
