"""The picture of README: python -m proofs.book.picture writes it, from a Glow that it trains.

Above are the bars of `diagnose`, below the trained weight of the convolution that is wrong, as the
product of the couplings of `balance`.
"""

from pathlib import Path

from matplotlib import pyplot

from exactflow import balance, diagnose
from proofs.experiments.glow import model, x

PICTURE = Path(__file__).parent / "_static" / "picture.svg"


def main() -> None:
    weight = model.flows[1].weight.detach()
    pyplot.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "exactflow"}
    figure, (above, below) = pyplot.subplots(
        2, figsize=(11, 4.6), height_ratios=[1.5, 1], layout="constrained"
    )
    diagnose(model, x).plot(ax=above)
    balance(weight, orientation="flip").flow.plot(ax=below)
    above.set_title("diagnose(model, x): a trained Glow, layer by layer", loc="left")
    below.set_title("balance(W): its trained 16 x 16 convolution, as a product", loc="left")
    figure.savefig(PICTURE, facecolor="white", metadata={"Date": None})


if __name__ == "__main__":
    main()
