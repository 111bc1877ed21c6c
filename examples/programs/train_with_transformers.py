"""A small Llama trained with the Trainer of ``transformers``, as anyone would write it, and four lines for Stellwerk.

    stellwerk run transformers.toml --on local

It also runs without Stellwerk: ``torchrun --nproc-per-node 2 train_with_transformers.py``. Its data are made up, so
that nothing has to be downloaded: sequences that count upwards in strides.
"""

import argparse
import gc

import torch
import torch.distributed as dist
from torch.utils.data import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from stellwerk.training.reporting_transformers import StellwerkCallback  # 1


class Counting(Dataset):
    def __init__(self, sequences: int, length: int, vocabulary: int) -> None:
        generator = torch.Generator().manual_seed(1)
        start = torch.randint(vocabulary, (sequences, 1), generator=generator)
        stride = torch.randint(1, 8, (sequences, 1), generator=generator)
        self.tokens = (start + stride * torch.arange(length)) % vocabulary

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.tokens[index], "labels": self.tokens[index]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--accumulation", type=int, default=1)
    parser.add_argument("--sequence-length", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40)
    train(parser.parse_args())
    gc.collect()  # the Trainer, before the process group that it used
    if dist.is_initialized():
        dist.destroy_process_group()  # Python must not end while threads of Gloo still hold tensors of its


def train(options: argparse.Namespace) -> None:
    config = LlamaConfig(
        vocab_size=256,
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=options.sequence_length,
    )
    torch.manual_seed(1)
    callback = StellwerkCallback()  # 2
    folder = callback.reporter.checkpoints  # 3
    trainer = Trainer(
        model=LlamaForCausalLM(config),
        args=TrainingArguments(
            output_dir=str(folder),
            use_cpu=not torch.cuda.is_available(),
            per_device_train_batch_size=options.micro_batch,
            gradient_accumulation_steps=options.accumulation,
            max_steps=options.steps,
            learning_rate=1e-3,
            logging_steps=1,
            save_steps=1000,
            include_num_input_tokens_seen=True,
            dataloader_pin_memory=torch.cuda.is_available(),
            ddp_find_unused_parameters=False,
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=Counting(4096, options.sequence_length, config.vocab_size),
        callbacks=[callback],
    )
    resume = callback.reporter.resume and get_last_checkpoint(str(folder))  # 4
    trainer.train(resume_from_checkpoint=resume or None)


if __name__ == "__main__":
    main()
