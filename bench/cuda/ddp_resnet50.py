# SPDX-License-Identifier: Apache-2.0
# PyTorch's side of scaling.mjs: torchrun --standalone --nproc-per-node=N ddp_resnet50.py tf32|fp16|fp32 BATCH. Prints JSON.
import json, os, sys, time
import torch, torchvision
import torch.distributed as dist

precision, batch = sys.argv[1], int(sys.argv[2])
rank, world = int(os.environ["LOCAL_RANK"]), int(os.environ["WORLD_SIZE"])
torch.cuda.set_device(rank)
dist.init_process_group("nccl", device_id=torch.device("cuda", rank))
torch.backends.cudnn.benchmark = True
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"
layout = torch.contiguous_format if precision == "fp32" else torch.channels_last
model = torchvision.models.resnet50().cuda().to(memory_format=layout)
x = torch.randn(batch, 3, 224, 224, device="cuda").contiguous(memory_format=layout)
y = torch.randint(0, 1000, (batch,), device="cuda")
net = torch.nn.parallel.DistributedDataParallel(model, device_ids=[rank], gradient_as_bucket_view=True) if world > 1 else model
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
scaler = torch.amp.GradScaler("cuda", enabled=precision == "fp16")

def run(steps):
    torch.cuda.synchronize(); dist.barrier(); start = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.float16, enabled=precision == "fp16"):
            loss = torch.nn.functional.cross_entropy(net(x), y)
        scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps * 1000

run(10)
ms = sorted(run(25) for _ in range(3))[1]
if rank == 0:
    print(json.dumps({"machine": torch.cuda.get_device_name(), "msPerStep": ms, "imagesPerSecond": batch * world / ms * 1000}))
dist.destroy_process_group()
