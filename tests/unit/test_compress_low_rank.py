"""Low rank: the split itself, and ranks by energy and by budget."""

import numpy as np
import pytest
from small_students import context, inputs, student

from training.compress.low_rank import low_rank, ranks_by_budget
from training.compress.network import kernel_of
from training.compress.student import Student
from training.errors import UserError
from training.models import deployed_parameters
from training.recipe_compress import LowRankConfig


def thin(made, rank):
    """The network with pointwise layers of exactly that rank."""
    rng = np.random.default_rng(1)
    for layer in made.layers:
        if type(layer).__name__ == "Conv2D":
            kernel, *rest = layer.get_weights()
            left = rng.normal(size=(kernel[..., 0].size, rank))
            right = rng.normal(size=(rank, kernel.shape[-1]))
            layer.set_weights([(left @ right).reshape(kernel.shape) / 10, *rest])
    return made


@pytest.mark.parametrize("family", ["temporal", "ds_cnn"])
def test_layers_of_low_rank_lose_nothing(family):
    before = student(family, width=32)
    thin(before.network, 4)
    config = LowRankConfig(energy=0.99999, epochs=0, multiple=4)
    after, details = low_rank(before, config, context())
    assert {rank for rank, _ in details["ranks"].values()} == {4}
    np.testing.assert_allclose(
        after.network(inputs()), before.network(inputs()), rtol=1e-2, atol=1e-3
    )
    assert deployed_parameters(after.network) < 0.75 * deployed_parameters(before.network)


def test_the_rank_keeps_the_energy_asked_for():
    before = student(width=32)
    after, details = low_rank(before, LowRankConfig(energy=0.6, epochs=0, multiple=1), context())
    for name, (rank, full) in details["ranks"].items():
        kernel = kernel_of(before.network.get_layer(name))
        matrix = kernel.reshape(-1, kernel.shape[-1])
        assert full == min(matrix.shape)
        values = np.linalg.svd(matrix, compute_uv=False) ** 2
        assert values[:rank].sum() >= 0.6 * values.sum() > values[: rank - 1].sum()
        assert after.network.get_layer(f"{name}_factor").filters == rank


def test_a_budget_goes_where_a_weight_keeps_most():
    values = {"a": np.array([8.0, 6.0, 1.0, 0.1]), "b": np.array([5.0, 5.0, 5.0, 5.0])}
    shapes = {"a": (4, 4), "b": (4, 4)}
    ranks = ranks_by_budget(values, shapes, LowRankConfig(budget=1.0, multiple=1))
    assert ranks == {"a": 2, "b": 2}  # 4 ranks of 8 weights each are the 32 weights there are
    assert ranks_by_budget(values, shapes, LowRankConfig(budget=0.75, multiple=1)) == {
        "a": 2,
        "b": 1,
    }


def test_a_network_that_gains_nothing_is_refused():
    before: Student = student()
    with pytest.raises(UserError, match="becomes smaller at energy 1"):
        low_rank(before, LowRankConfig(energy=1.0), context())


def test_a_network_may_be_split_again():
    config = LowRankConfig(energy=0.6, epochs=0, multiple=1)
    once, _ = low_rank(student(width=32), config, context())
    twice, details = low_rank(once, config, context())
    # Both halves of an earlier split become smaller: three layers and one more.
    again = [name for name in details["ranks"] if f"{name}_factor" in details["ranks"]]
    assert again
    for name in again:
        assert twice.network.get_layer(f"{name}_factor2").filters == details["ranks"][name][0]
    assert deployed_parameters(twice.network) < deployed_parameters(once.network)
