-- columns: id_cidadao bigint, nome text, nome_social text, dt_nascimento date, idade integer, sexo text, raca_cor text, cpf text, cns text, telefone text, ibge text, cnes text, unidade text, ine text, equipe text, micro_area text, dt_cadastro date, vacinacoes integer, doses integer, dt_primeira_dose date, dt_ultima_dose date, ultima_vacina text, ultima_dose text, ultimo_lote text, bcg integer, hepatite_b integer, penta integer, polio integer, rotavirus integer, pneumo_10 integer, meningo_c integer, febre_amarela integer, triplice_viral integer, varicela integer, hpv integer, covid integer, dt_ultima_influenza date, dt_ultima_covid date, st_penta_polio_em_dia boolean, st_dose_sem_data boolean, dias_desde_dose integer, dt_extracao timestamptz
-- key: id_cidadao
-- volatile: dias_desde_dose, dt_extracao
-- All living citizens, one row each, with the doses that they got.
select
    c.co_seq_fat_cidadao_pec as id_cidadao, c.no_cidadao as nome, c.no_social_cidadao as nome_social,
    nascimento.dt_registro as dt_nascimento,
    extract(year from age(hoje.dia, nascimento.dt_registro))::integer as idade,
    sexo.ds_sexo as sexo, cor.ds_raca_cor as raca_cor, c.nu_cpf_cidadao as cpf, c.nu_cns as cns,
    c.nu_telefone_celular as telefone, municipio.co_ibge as ibge, unidade.nu_cnes as cnes,
    unidade.no_unidade_saude as unidade, equipe.nu_ine as ine, equipe.no_equipe as equipe,
    cadastro.nu_micro_area as micro_area, cadastrado.dt_registro as dt_cadastro,
    coalesce(vacina.vacinacoes, 0) as vacinacoes, coalesce(vacina.doses, 0) as doses,
    vacina.primeira as dt_primeira_dose, vacina.ultima as dt_ultima_dose,
    final.sg_imunobiologico as ultima_vacina, final.sg_dose_imunobiologico as ultima_dose,
    final.no_lote as ultimo_lote, coalesce(vacina.bcg, 0) as bcg,
    coalesce(vacina.hepatite_b, 0) as hepatite_b, coalesce(vacina.penta, 0) as penta,
    coalesce(vacina.polio, 0) as polio, coalesce(vacina.rotavirus, 0) as rotavirus,
    coalesce(vacina.pneumo_10, 0) as pneumo_10, coalesce(vacina.meningo_c, 0) as meningo_c,
    coalesce(vacina.febre_amarela, 0) as febre_amarela,
    coalesce(vacina.triplice_viral, 0) as triplice_viral, coalesce(vacina.varicela, 0) as varicela,
    coalesce(vacina.hpv, 0) as hpv, coalesce(vacina.covid, 0) as covid,
    vacina.ultima_influenza as dt_ultima_influenza, vacina.ultima_covid as dt_ultima_covid,
    -- Only children from one to five years old are held to it.
    case when extract(year from age(hoje.dia, nascimento.dt_registro)) between 1 and 5
        then coalesce(vacina.penta >= 3 and vacina.polio >= 3, false) end as st_penta_polio_em_dia,
    coalesce(vacina.sem_data > 0, false) as st_dose_sem_data,
    hoje.dia - vacina.ultima as dias_desde_dose,
    now() as dt_extracao
from tb_fat_cidadao_pec as c
-- The list says how things stood when PEC last processed, not at whatever hour it is read.
cross join (
    select max(dt_processamento)::date as dia from tb_relatorio_processamento
) as hoje
left join tb_dim_tempo as nascimento
    on nascimento.co_seq_dim_tempo = c.co_dim_tempo_nascimento
    and nascimento.co_seq_dim_tempo <> 30001231
left join tb_dim_sexo as sexo
    on sexo.co_seq_dim_sexo = c.co_dim_sexo and sexo.co_seq_dim_sexo <> 1
left join tb_dim_raca_cor as cor
    on cor.co_seq_dim_raca_cor = c.co_dim_raca_cor and cor.co_seq_dim_raca_cor <> 1
left join tb_dim_unidade_saude as unidade
    on unidade.co_seq_dim_unidade_saude = c.co_dim_unidade_saude_vinc
    and unidade.co_seq_dim_unidade_saude <> 1
left join tb_dim_equipe as equipe
    on equipe.co_seq_dim_equipe = c.co_dim_equipe_vinc and equipe.co_seq_dim_equipe <> 1
left join (
    select distinct on (co_fat_cidadao_pec) *
    from tb_fat_cad_individual
    order by co_fat_cidadao_pec, co_dim_tempo desc, co_seq_fat_cad_individual desc
) as cadastro on cadastro.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join tb_dim_tempo as cadastrado
    on cadastrado.co_seq_dim_tempo = cadastro.co_dim_tempo
    and cadastrado.co_seq_dim_tempo <> 30001231
left join tb_dim_municipio as municipio
    on municipio.co_seq_dim_municipio = cadastro.co_dim_municipio
    and municipio.co_seq_dim_municipio <> 1
left join (
    select v.co_fat_cidadao_pec, count(distinct v.co_fat_vacinacao) as vacinacoes,
        count(*) as doses, min(t.dt_registro) as primeira, max(t.dt_registro) as ultima,
        count(*) filter (where t.dt_registro is null) as sem_data,
        count(*) filter (where i.sg_imunobiologico = 'BCG') as bcg,
        count(*) filter (where i.sg_imunobiologico in ('HB', 'PENTA')) as hepatite_b,
        count(*) filter (where i.sg_imunobiologico = 'PENTA') as penta,
        count(*) filter (where i.sg_imunobiologico in ('VIP', 'VOPb')) as polio,
        count(*) filter (where i.sg_imunobiologico = 'VRH') as rotavirus,
        count(*) filter (where i.sg_imunobiologico = 'VPC10') as pneumo_10,
        count(*) filter (where i.sg_imunobiologico in ('MenC', 'MenACWY')) as meningo_c,
        count(*) filter (where i.sg_imunobiologico = 'FA') as febre_amarela,
        count(*) filter (where i.sg_imunobiologico = 'SCR') as triplice_viral,
        count(*) filter (where i.sg_imunobiologico = 'VZ') as varicela,
        count(*) filter (where i.sg_imunobiologico = 'HPV4') as hpv,
        count(*) filter (where i.sg_imunobiologico = 'COV') as covid,
        max(t.dt_registro) filter (where i.sg_imunobiologico = 'INF3') as ultima_influenza,
        max(t.dt_registro) filter (where i.sg_imunobiologico = 'COV') as ultima_covid
    from tb_fat_vacinacao_vacina as v
    join tb_dim_imunobiologico as i
        on i.co_seq_dim_imunobiologico = v.co_dim_imunobiologico
        and i.co_seq_dim_imunobiologico <> 1
    left join tb_dim_tempo as t
        on t.co_seq_dim_tempo = v.co_dim_tempo_vacina_aplicada and t.co_seq_dim_tempo <> 30001231
    group by v.co_fat_cidadao_pec
) as vacina on vacina.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select distinct on (v.co_fat_cidadao_pec) v.co_fat_cidadao_pec, i.sg_imunobiologico,
        d.sg_dose_imunobiologico, v.no_lote
    from tb_fat_vacinacao_vacina as v
    join tb_dim_imunobiologico as i
        on i.co_seq_dim_imunobiologico = v.co_dim_imunobiologico
        and i.co_seq_dim_imunobiologico <> 1
    left join tb_dim_dose_imunobiologico as d
        on d.co_seq_dim_dose_imunobiologico = v.co_dim_dose_imunobiologico
        and d.co_seq_dim_dose_imunobiologico <> 1
    where v.co_dim_tempo_vacina_aplicada <> 30001231
    order by v.co_fat_cidadao_pec, v.co_dim_tempo_vacina_aplicada desc,
        v.co_seq_fat_vacinacao_vacina desc
) as final on final.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
where c.st_faleceu = 0
